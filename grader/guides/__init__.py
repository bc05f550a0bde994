"""Pages about the whole course, made from the masters: the map and the cards."""
