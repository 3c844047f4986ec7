"""What people say of cells: reviews, the random audit, how far readers agree, labels to learn."""
