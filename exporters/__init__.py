"""What is seen: fixtures, other formats, databases, streams, and reports for people.

To add a format, add a file to `formats/` with a function `sink(target, context)`, and a line to `formats/registry.py`.
To add a database or a protocol, add a file to `databases/` or `sending/`, and a line where the others are listed.

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
