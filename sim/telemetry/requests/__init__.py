"""What requests are about: a function of their addresses alone, so that all signals about a request agree.

particulars.py      who asks, from where, for what, and what a service handles for them, as columns
operation_words.py  what the name of an operation says, and how code, routes and statements would call it
drawing.py          draws for one purpose each, of words that belong to a request, a call or a process
"""
