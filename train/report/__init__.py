"""The report on finished runs: the paper's tables and figures with ours beside them."""
