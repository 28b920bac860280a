"""``python -m ltw.cli``."""

from ltw.cli import main

main()
