"""What stands in a model file, and how two differ."""
