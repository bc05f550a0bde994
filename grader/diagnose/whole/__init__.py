"""Readings of an answer as a whole: what it is instead of the right gradient."""
