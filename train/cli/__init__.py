"""The command line ``edge-all-train``."""
