"""Image files to pixels, refusing by name what is not an 8-bit colour image."""
