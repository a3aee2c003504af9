"""Rows of calls -> spans -> trace records.

spans.py            the client half and the server half of each call, as columns of numbers
inside.py           spans of what happens inside a process
instrumentation.py  which of those a stack has (inside.yaml)
span_attributes.py  what spans say about the content of requests
traces.py           trace records of all of them
"""
