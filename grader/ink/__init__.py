"""The medium of the drawings: numbers, SVG, layout and what a notebook displays."""
