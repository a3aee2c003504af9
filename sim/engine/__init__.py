"""The life of a call, and what it touches: the hot path."""
