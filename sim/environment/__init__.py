"""What a mesh does by itself, faults or none (`topology.environment`): each thing a file.

fluctuating.py    an amount that goes up and down by itself: how many users there are, and how often calls stall
calendar.py       when requests come, by their numbers
lapses.py         calls that fail or stall by themselves
"""
