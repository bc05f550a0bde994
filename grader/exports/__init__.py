"""Out to a learning platform: Canvas, Moodle, Gradescope, CSV, JSON Lines."""
