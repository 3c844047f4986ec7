"""Labelled and representative cells; calibrated probabilities and the refer band."""
