"""Rows of calls -> spans -> trace records.

spans.py            the client half and the server half of each call, as columns of numbers
inside.py           internal spans: what happens inside a process
instrumentation.py  which internal spans a stack has (inside.yaml)
span_attributes.py  attributes of spans: what requests are about
traces.py           trace records of all spans
"""
