"""Builders of the networks."""
