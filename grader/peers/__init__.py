"""The two ends of the line keep in step what both of them hold, gradients included."""
