"""What callers and servers do to protect themselves, at run time."""
