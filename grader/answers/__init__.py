"""Asks a student's function and reads what it returns; judges and reports nothing."""
