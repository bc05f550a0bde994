"""The one base of all errors that the grader raises on its own account."""


class GraderError(Exception):
    """Something that the person who runs the grader can put right."""
