"""What is seen: fixtures, other formats, databases, streams, and reports for people.

A new format is a file in `formats/` with a function `sink(target, context)`, and a line in `formats/registry.py`. A new
database is a file in `databases/`, a new protocol one in `sending/`, each with a line where the others have theirs.

    fixtures/            writes a fixture, whole or not at all; reads, lists and replays it; data sets
    formats/ columns/    its records in other formats, and what several formats share
    databases/           loads it into a database
    server/ sending/     over HTTP, pulled and pushed
    address.py           addresses of databases and receivers, and which part of them is never shown
    reports/ blocks.py   what people read, laid out by the command line
    unfinished.py        what is undone if a command does not end well
    extras.py            what needs a library that isn't installed with the core
    pytest_plugin.py     fixtures in tests
"""
