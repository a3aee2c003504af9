"""The formats that records can be written in."""
