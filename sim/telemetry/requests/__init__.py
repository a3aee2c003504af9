"""What requests are about: a pure function of their addresses, so that spans, logs and metrics agree on it.

particulars.py      who asks, from where and for what, and what services handle for them, as columns
operation_words.py  what an operation's name says: the verb, the noun, and names in code, routes and statements
drawing.py          random draws, each for one purpose, keyed by a request, a call or a process
"""
