"""The tools as a Model Context Protocol server, in a process of its own that never sees the truth.

protocol.py    tools and calls in the terms of the protocol
transport.py   over standard input and output, or HTTP on the loopback interface
locked.py      which files the process may read
far.py         a mesh that the judge plays, observed and acted on from here
channel.py     the messages to and from the judge that started it
__main__.py    the process
"""
