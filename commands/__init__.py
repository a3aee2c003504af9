"""The command line: a file a command, and what they share.

entry.py signals.py         where a process begins, and what ends it early
main.py                     the group of all commands
options.py parameters.py    arguments and options that several have, and the kinds of their values
errors.py                   which error ends a command with which line and status
output.py                   lines for people, harmless to a terminal and never too many
tables.py terminal.py       what people read laid out, and a bar while something goes on
"""
