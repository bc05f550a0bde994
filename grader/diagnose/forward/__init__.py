"""Right derivatives of a slightly different function: forward values changed."""
