"""Keras model to a verified int8 model file."""
