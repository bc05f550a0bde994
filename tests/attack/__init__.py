"""The attack set: strangers' worst submissions against the real command.

`python -m tests.attack` (`make attack`) grades them all, each followed by a neighbour.
"""
