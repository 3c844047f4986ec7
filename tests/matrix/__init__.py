"""The same cells in every environment edge-all is for: ``make matrix``."""
