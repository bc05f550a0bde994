"""Runs a stranger's cells where they can do no harm; knows no test and no secret."""
