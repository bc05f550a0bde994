"""Changes of stretches that work entry by entry: left out, replaced, multiplied."""
