"""Marks for the way to an answer: what it claims, what that rests on, and what it took.

citation.py      how a record is cited
departed.py      which records depart from what they would have been, and because of which fault
evidence.py      what the records that an answer cites are worth for what it claims
diagnosis.py     roots, services, edges and the path between them: one mark from 0 to 1, and what chance has of it
effort.py        calls, bytes and time that it took, and whether the search came nearer to the root
"""
