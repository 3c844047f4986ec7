"""What belongs to the whole process, touched here alone: signals, streams, descriptors."""
