"""Cameras: one protocol, one runner that reads them, a module for each kind."""
