"""Stands in for a student's objects outside: every use of one asks their process."""
