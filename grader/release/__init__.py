"""Makes the student copies from the masters, and holds the masters to their rules."""
