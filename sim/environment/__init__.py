"""What a mesh does by itself, faults or none (`topology.environment`): each thing a file.

fluctuating.py    an amount that goes up and down by itself: how many users there are, and how often calls stall
ambient.py        what else services do than the requests that are played
drift.py          how that wanders, for many at once
jobs.py           background jobs run
aging.py          processes grow, and are recycled
churning.py       connections are closed when they are old
deploying.py      good versions roll out now and then
newcomers.py      replicas that came since one looked last
beginning.py      all that goes on beside users and their requests begins here
calendar.py       when requests come, by their numbers
lapses.py         calls that fail or stall by themselves
"""
