"""A microscope that is drawn: fields of a stained smear, and what goes wrong with cameras."""
