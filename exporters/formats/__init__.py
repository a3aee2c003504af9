"""Every format that records can be written in."""
