"""How close each stage is to the one before, and the gates that judge it."""
