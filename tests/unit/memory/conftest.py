from tests.unit.small_structures import *  # noqa: F403 - the fixtures of a small data set
