"""Fields from a camera to a folder: pictures without loss, what is known of them, room for more."""
