"""What is seen: fixtures, other formats, databases, streams, and what people read.

A new format is a file in `formats/` with a function `sink(target, context)`, and a line in `formats/registry.py`. A new
database is a file in `databases/`, a new protocol one in `sending/`, each with a line where the others have theirs.

    fixtures/            a fixture is written, whole or not at all, read, listed and run again; data sets
    formats/ columns/    its records in other formats, and what several of them share
    databases/           into a database
    server/ sending/     over HTTP, pulled and pushed
    address.py           where databases and receivers are, and what nobody gets to see of that
    reports/ blocks.py   what people read, which the command line lays out
    unfinished.py        what is undone if it does not end well
    extras.py            what needs a library that isn't installed with the core
    pytest_plugin.py     fixtures in tests
"""
