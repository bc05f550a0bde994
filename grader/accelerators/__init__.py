"""CUDA where there is one: which device, what a sandbox shows of it, its memory."""
