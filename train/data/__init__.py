"""Splits of people into training and test part, as files that can be audited."""
