"""Labelled and unlabelled crops: found, read, hashed, and whose they are."""
