"""The device runtime: sources, crops, int8 network, decisions, results."""
