"""Whether a device is still the float model, and its smears those of the people of a reference."""
