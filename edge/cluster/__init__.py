"""Archives of millions of crops: shards of a run on the machines of a Ray cluster."""
