"""A fixture pushed to a telemetry backend.

send.py            slice by slice, when it is due, from where it stopped
slices.py          what is sent at a time; times shifted to now
delivery.py        one request: sent, refused, sent again
exchange.py        one attempt: what is read of an answer, and for how long
progress.py        how far it got, in a small file
protocols.py       a line for each protocol, which has a file of its own:
otlp_http.py remote_write.py loki.py elasticsearch.py
"""
