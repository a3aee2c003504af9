"""A fixture pushed to a telemetry backend.

send.py            slice by slice, each when it is due, resuming where it stopped
slices.py          what is sent at a time; times shifted to now
delivery.py        one request: sent, rejected, retried
exchange.py        one attempt: how much of a response is read, and for how long
progress.py        how far it got, in a small file
protocols.py       a line for each protocol, which has a file of its own:
otlp_http.py remote_write.py loki.py elasticsearch.py
"""
