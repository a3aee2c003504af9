"""Databases that fixtures are loaded into: the tables, the protocol, and one file per database."""
