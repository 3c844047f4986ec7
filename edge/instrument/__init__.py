"""What is known of a microscope and an objective: scale, evenness of light, white."""
