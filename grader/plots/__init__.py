"""Drawings with axes: slopes, curves, loss bowls and decisions, by matplotlib."""
