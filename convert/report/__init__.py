"""The report of a conversion: one JSON, and what is rendered from it alone."""
