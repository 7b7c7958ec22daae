"""A configuration as the user's own trainable finds it."""

import pytest

from perch.engine.metrics import numeric
from perch.errors import StudyError
from perch.trainables.own_config import own_config
from perch.training.reporting import TAKEN, taken


def test_seed_and_epochs_are_filled_in_and_dotted_keys_nested():
    config = {"lr": 0.1, "seed": "{seed}", "model.width": 8, "model.head.depth": 2, "n": "{epochs}"}
    added = own_config(config, seed=5, epochs=9)
    assert added == {"seed": 5, "n": 9, "model": {"width": 8, "head": {"depth": 2}}}


def test_a_plain_configuration_gets_nothing():
    assert own_config({"lr": 0.1, "kind": "a"}, seed=5, epochs=9) == {}


def test_a_value_that_is_also_a_mapping_is_refused():
    with pytest.raises(StudyError, match="lies within 'model'"):
        own_config({"model": "a", "model.width": 8}, seed=5, epochs=9)


def test_a_metric_whose_name_is_taken_is_refused_and_all_others_stand():
    assert numeric({"loss": 1.0, "rmse/f": 2, "training_iteration": 3}) == {"loss": 1.0, "rmse/f": 2}
    with pytest.raises(StudyError, match="reports 'value'"):
        numeric({"loss": 1.0, "value": 2})


def test_names_that_ray_writes_over_are_noted_where_they_are_reported():
    assert taken({"loss": 1.0, "config": 2, "config/lr": 3, "pid": 4, "trial": 5}) == ["config", "config/lr", "pid"]
    assert taken({"epoch": 3}, epoch=3) == [] and taken({"epoch": 2}, epoch=3) == ["epoch"]
    with pytest.raises(StudyError, match="reports 'config', 'pid'"):
        numeric({"loss": 1.0, TAKEN: ["config", "pid"]})
