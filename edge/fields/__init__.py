"""Cells in fields: what is empty, nuclei, whole cells around them, and cutting them out."""
