"""The course folder and the gradebook, as nbgrader has them."""
