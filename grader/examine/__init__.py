"""Runs the student's cells in their process and the instructor's tests out here."""
