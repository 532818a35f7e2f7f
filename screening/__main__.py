"""`python -m screening` is the command `screening`."""

from screening.cli.main import run

run()
