"""`python -m rtlscribe`: the command without an installed script."""

from rtlscribe.cli import main

main()
