"""How many trials share a GPU."""

from __future__ import annotations

import json

import pytest

from perch.errors import DeviceError
from perch.memory.packing import packing
from perch.memory.side_by_side import measure, throughput_of
from perch.space import parse_space

SPACE = parse_space({"atom_embedding_size": {"int": [1, 30]}})


class TenthOfWidth:
    """0.1 GB for each unit of width: 3 GB at most."""

    def bytes(self, config):
        return 1e8 * config["atom_embedding_size"]

    def least_bytes(self, config):
        return self.bytes(config)


@pytest.mark.parametrize(("gpu_bytes", "trials"), [(80e9, 8), (16e9, 4), (6e9, 2), (5.9e9, 1), (3e9, 1)])
def test_without_a_measurement_as_many_share_a_gpu_as_the_largest_leaves_room_for(gpu_bytes, trials):
    found = packing(SPACE, TenthOfWidth(), gpu_bytes)
    assert (found.trials, found.share) == (trials, 1 / trials)
    assert "has not been measured" in found.words


def test_what_does_not_fit_the_whole_gpu_does_not_count():
    assert packing(SPACE, TenthOfWidth(), 2e9).largest_bytes == 2e9


@pytest.mark.parametrize(
    ("throughput", "trials"),
    [
        ({1: 10.0, 2: 19.0, 4: 35.0, 8: 60.0}, 8),
        ({1: 10.0, 2: 19.0, 4: 19.5, 8: 19.8}, 2),
        ({1: 10.0, 2: 9.0, 4: 8.0, 8: 7.0}, 1),
        ({1: 10.0, 2: 19.0}, 2),
    ],
)
def test_more_trials_share_it_only_where_that_pays(throughput, trials):
    found = packing(SPACE, TenthOfWidth(), 80e9, throughput, "NVIDIA H100")
    assert found.trials == trials
    assert "NVIDIA H100" in found.words


def test_what_pays_must_fit_too():
    assert packing(SPACE, TenthOfWidth(), 6e9, {1: 1.0, 2: 1.9, 4: 3.8, 8: 7.0}).trials == 2


@pytest.mark.slow
def test_trials_side_by_side_are_timed_and_the_figures_kept(prepare_small, small_config, tmp_path, monkeypatch):
    data = prepare_small()
    speeds = measure("cpu", [1, 2], data, small_config, "cgcnn", epochs=1)
    assert set(speeds) == {1, 2}
    assert all(speed > 0 for speed in speeds.values())
    monkeypatch.setattr("perch.memory.side_by_side.measure", lambda *_: speeds)
    assert throughput_of("cpu", "Some GPU (80 GB)", tmp_path, data, small_config, "cgcnn") == speeds
    [file] = (tmp_path / "devices").iterdir()
    assert json.loads(file.read_text()) == {str(count): speed for count, speed in speeds.items()}
    monkeypatch.setattr("perch.memory.side_by_side.measure", lambda *_: pytest.fail("measured anew"))
    assert throughput_of("cpu", "Some GPU (80 GB)", tmp_path, data, small_config, "cgcnn") == speeds


@pytest.mark.slow
def test_a_device_on_which_nothing_trains_is_an_error(prepare_small, small_config):
    with pytest.raises(DeviceError, match="no trial trains on cpu"):
        measure("cpu", [1], prepare_small(), {**small_config, "pooling": "none"}, "cgcnn")
