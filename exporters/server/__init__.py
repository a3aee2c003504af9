"""A fixture served over HTTP as if it happened now.

run.py -> site.py        the socket, the server, its end
          app.py         what is asked for, and what is answered
          query.py       parameters of a request
          streams.py     records as they become due, to many readers
          playback.py    the lines of a recording, once or round after round, and the simulated clock
          page.py        a Prometheus page of the simulated now
          openapi.py     what all of it is called
"""
