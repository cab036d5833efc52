"""`python -m holotype` is the command `holotype`."""

from holotype.cli import main

main()
