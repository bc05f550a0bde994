"""Runs the instructor's cells out here, as a notebook would, on their names first."""
