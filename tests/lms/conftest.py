"""A course folder with a gradebook of three students."""

import pytest

from grader.lms.people import Person, write_people
from tests.grading.conftest import course, tables

__all__ = ["course", "tables"]
PEOPLE = (
    Person("amina", "Amina", "Khan", "amina@uni.edu", "101"),
    Person("bjarne", "Bjarne", "Berg", "bb@uni.edu", "102"),
    Person("zoe", "Zoë", "O'Hara-Li", "zoe@uni.edu", "103"),
)


@pytest.fixture
def known(course):
    write_people(course, PEOPLE)
    return course
