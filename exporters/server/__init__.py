"""A fixture served over HTTP as if it happened now.

site.py        the socket, the server, its shutdown
connection.py  how long an idle connection is kept
hosts.py       by which host names the server may be called
app.py         routes: requests and their responses
query.py       query parameters
answers.py     forms of responses
streams.py     records as they become due, to many readers
playback.py    the lines of a recording, once or in a loop, and the simulated clock
page.py        a Prometheus page of the simulated present

FastAPI makes the OpenAPI document from app.py, query.py and answers.py. Nothing outside this folder imports it.
"""
