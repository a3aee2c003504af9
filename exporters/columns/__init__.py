"""Columns of records, made and read by the frame."""
