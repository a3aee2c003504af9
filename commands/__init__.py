"""The command line: one file per command, and what they share.

entry.py signals.py         where a process begins, and what ends it early
main.py                     the group of all commands
options.py parameters.py    shared arguments and options, and the types of their values
errors.py                   which error ends a command with which line and status
output.py                   lines for people, safe for a terminal and limited in number
tables.py terminal.py       tables for people, and a progress bar
"""
