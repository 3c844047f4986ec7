"""Temperature, and refer band or thresholds, from predictions on held-out cells."""
