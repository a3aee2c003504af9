"""Spans and the journal -> log lines.

lines.py       what is written, by whom and when
catalogue.py   the texts: of any service (catalogue.yaml), of its stack (catalogue/), of installed packages
own_words.py   the texts of a `telemetry:` block, which override those
values.py      the values that texts contain, some of them drawn, as columns
wordings.py    texts and how they are filled in, column by column
log_format.py  whole lines in a team's own format
"""
