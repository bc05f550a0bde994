"""The same slip at every turn of a loop, or at every use of an operation."""
