"""Which representative cells make int8 most faithful."""
