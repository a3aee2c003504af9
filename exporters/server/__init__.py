"""A fixture served over HTTP as if it happened now.

site.py        the socket, the server, its end
connection.py  how long a connection is kept for who keeps silent
hosts.py       by which names the server may be called
app.py         routes: what is asked for, and what is answered
query.py       parameters of a request
answers.py     forms of answers
streams.py     records as they become due, to many readers
playback.py    the lines of a recording, once or round after round, and the simulated clock
page.py        a Prometheus page of the simulated now

FastAPI makes the OpenAPI document from app.py, query.py and answers.py. Nothing outside this folder imports it.
"""
