"""The master's own answers try the tests before a class does."""
