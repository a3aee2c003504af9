"""Marks for the way to an answer: what it claims, what that rests on, and what it took.

citation.py      how a record is cited
departed.py      which records depart from the run without the fault, and because of which fault
evidence.py      what the records that an answer cites are worth for its claims
diagnosis.py     roots, services, edges and the path between them: one mark from 0 to 1, and what chance would score
effort.py        calls, bytes and time, and whether the search came nearer to the root
"""
