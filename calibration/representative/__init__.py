"""The representative set: ways to choose it, and its manifest."""
