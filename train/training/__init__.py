"""Training a network: recipe, epochs, checkpoints, the record of a run."""
