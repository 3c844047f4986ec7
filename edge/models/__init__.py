"""The self-describing model file."""
