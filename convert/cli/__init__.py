"""The command line ``edge-all-convert``."""
