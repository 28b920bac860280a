"""``python -m ltw``: the command line."""

from ltw.cli import main

if __name__ == "__main__":
    main()
