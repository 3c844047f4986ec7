"""``python -m edge.cli``: as ``edge-all``."""

from edge.cli.main import main

main()
