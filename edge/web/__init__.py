"""Pages over a results database: a run as it goes, and reviews."""
