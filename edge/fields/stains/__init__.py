"""Bringing the colours of a field to those of another one; off unless it is asked for."""
