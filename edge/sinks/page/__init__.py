"""The page of a run: every cell with a thumbnail, first what a person must look at."""
