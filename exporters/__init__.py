"""What is seen: fixtures, other formats, databases, streams, and the answer key as files.

A new format is one file with a function `sink(target, context)`, and a line in `formats.py`. A new database is a file
in `databases/`, a new protocol one in `sending/`, each with a line where the others have theirs.

    writing.py staging.py ndjson.py manifest.py background.py sink.py    a fixture is written, whole or not at all
    layout.py fixture.py timeline.py cached.py pytest_plugin.py          read as plain dicts, without the simulator
    reading.py provenance.py context.py export.py formats.py extras.py    read as batches, and written in another format
    otlp*.py jaeger.py zipkin.py openmetrics.py parquet.py csv.py rcaeval.py openrca.py    the formats
    semconv.py families.py phrases.py versions.py ended.py lines.py moments.py files.py parts.py    what several share
    databases/ load.py     into a database
    server/ sending/       over HTTP, pulled and pushed
    key.py explain.py      the answer key, written, read and told
    answers.py violations.py marking.py marks.py    answers, read and marked
    replay.py difference.py dataset.py listing.py terminal.py schemas/    what the other commands print and write
"""
