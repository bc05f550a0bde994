"""nbgrader reads this layout: solutions/ is its source, notebooks/ its release."""

from pathlib import Path

from grader.release.badge import name_wheel, read_repository
from grader.release.generate import PREPROCESSORS
from grader.release.normal import NormalExporter
from grader.seams import use_engine

c = get_config()  # noqa: F821  (nbgrader provides it)
root = Path(__file__).parent
repository = read_repository(root)

c.CourseDirectory.course_id = "gradients-by-hand"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"

# Student copies: stubs that name their exercise, badges, one normal form.
c.GenerateAssignment.preprocessors = PREPROCESSORS
c.GenerateAssignment.exporter_class = NormalExporter
c.AddBadges.repository, c.AddBadges.branch = repository.name, repository.branch
c.AddFetching.package = repository.link_file(name_wheel(root))

# `nbgrader autograde`, `generate_feedback` and Formgrader use the engine of `grader`.
use_engine(c)
