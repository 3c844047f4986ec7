"""What this machine is and has, what is wrong with it, and what to do about it."""
