"""What crops of the release looked like, counted in fixed bins."""
