"""The command line from a checkout: `python run.py --help`."""

from meshquake.commands.entry import main

if __name__ == "__main__":
    main()
