"""Temperature and refer band from predictions on held-out cells."""
