"""From submitted folders to verdicts in nbgrader's gradebook."""
