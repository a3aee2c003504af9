"""What goes wrong: faults, and the scenarios that have them.

A new kind of fault is one file in `kinds/`; nothing else needs to know. A new scenario is a file in `scenarios/`.

    fault.py effect.py scenario.py    what a fault, its effect and a scenario are
    release.py                        how a version is released
    loader.py reader.py targets.py naming.py    reads scenario files and checks them against a mesh
    draws.py confounders.py           what a scenario leaves to the seed, and what the seed adds to it
    writing.py                        writes a fault as in a scenario file
    cases.py                          the cases of a data set
    recipe.py edits.py                the texts and options of a run, and changes to them
"""
