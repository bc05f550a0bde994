"""What a class understood and what it did not: figures, plots, one page."""
