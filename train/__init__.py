"""Train the networks of the paper with Keras."""
