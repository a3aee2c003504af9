"""The answer key: what was really wrong, found by comparing a run with its twins.

From the runs to the page:

    twins.py watch.py meter.py    a run and its twins, played side by side and followed
    verdict.py objective.py  the outcome of each request, and whether it kept the promise to users
    calls.py mechanism.py    one request's calls in two runs: where they part, and how the fault reached the user
    departures.py            when a metric left its usual range
    finding.py blame.py      everything found about one fault, and which fault broke the promise
    relief.py remedies.py rehearsal.py preview.py    what actions were worth, the best single one, and trial runs
    answer_key.py schema.py brief.py    the key, its schema, and the page that gives nothing away
    whatif.py                two runs that differ in one change
    score.py floors.py       the mark of an answer, and what it must beat
    roots.py reach.py overlap.py    what an answer is compared with: the services at fault, and how far it spread
    way/                     marks for how an answer was found

And where the data of a long run is kept: `sample_file.py`, `frame_file.py`, `ranks.py` and `spill_file.py` in
temporary files (`scratch.py`), `counts.py` in memory.
"""
