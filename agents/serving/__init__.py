"""The tools as a Model Context Protocol server, in a process of its own that never sees the truth.

protocol.py    tools and calls in the words of the protocol
transport.py   over standard input and output, or HTTP on the loopback interface
locked.py      what of the disk the process may see
far.py         a mesh that the judge plays, looked at and acted on from here
channel.py     what it says to the judge that started it, and hears
__main__.py    the process
"""
