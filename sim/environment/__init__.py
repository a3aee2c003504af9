"""What a mesh does by itself, faults or none (`topology.environment`): each thing a file.

fluctuating.py    an amount that goes up and down by itself: how many users there are, and how often calls stall
"""
