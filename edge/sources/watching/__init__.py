"""A folder that is watched: each image once it is complete, and again when it changed."""
