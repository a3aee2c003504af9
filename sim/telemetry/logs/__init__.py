"""Spans and the journal -> log lines.

lines.py       what is written, by whom and when
catalogue.py   the texts: of any service (catalogue.yaml), of its stack (catalogue/), of installed packages
own_words.py   the texts of a `telemetry:` block, laid over those
values.py      what texts name, some of it drawn, as columns
wordings.py    texts and their filling in, column by column
log_format.py  whole lines in the format of a team's own
"""
