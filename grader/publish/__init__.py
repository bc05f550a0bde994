"""The student tree and its zips: what a class gets, and nothing of the masters."""
