"""The sample class that `make demo` hands in and grades."""
