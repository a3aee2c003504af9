"""Columns of records, made and read a whole frame at a time."""
