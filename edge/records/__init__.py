"""JSON of files that others wrote: bounded, typed, every value checked."""
