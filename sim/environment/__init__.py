"""What a mesh does by itself, with or without faults (`topology.environment`): a file for each.

fluctuating.py    a quantity that goes up and down by itself: how many users there are, and how often calls stall
ambient.py        what services do besides the requests that are played
drift.py          the random process behind that, for many at once
jobs.py           background jobs run
aging.py          processes grow, and are recycled
growth.py         how fast they grow, and how far
churning.py       connections are closed when they are old
deploying.py      good versions roll out now and then
newcomers.py      replicas added since the last look
beginning.py      starts everything that goes on beside users and their requests
calendar.py       when requests come, by their numbers
lapses.py         calls that fail or stall by themselves
"""
