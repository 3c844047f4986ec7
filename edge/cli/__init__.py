"""The command line ``edge-all``: only here is anything printed."""
