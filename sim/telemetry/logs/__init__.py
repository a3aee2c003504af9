"""Spans and the journal -> log lines.

lines.py       which lines are written, by which service and when
catalogue.py   the texts: for any service (catalogue.yaml), by stack (catalogue/), from installed packages
form.py        the parts of a catalogue, the values that texts may name, and what is wrong with other catalogues
callees.py     what a service calls, which decides the words of its clients
own_words.py   the texts of a `telemetry:` block, laid over those
values.py      values for the placeholders of texts, some of them drawn, as columns
code_lines.py  line numbers in the code of services
wordings.py    texts, and how their placeholders are filled in, column by column
log_format.py  whole lines in a team's own format
"""
