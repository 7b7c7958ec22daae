"""The fit: off by little on configurations that it has not seen, and said so."""

from __future__ import annotations

import json

import pytest

from perch.memory.count import network_of, parameters_of, training_bytes
from perch.memory.estimate import Estimate, Terms, fit, true_bytes
from perch.memory.known import data_sets, estimate_of
from perch.memory.parts import AROUND_BYTES, RESERVE_SHARE
from perch.memory.probe import Probe, counted
from perch.memory.sizes import Sizes
from perch.space import parse_space
from perch.study import parse
from perch.training.keys import complete

SPACE = {
    "atom_embedding_size": {"int": [8, 64], "log": True}, "num_graph_conv_layers": {"int": [1, 3]},
    "fc_feat_size": {"int": [8, 64]}, "batch_size": {"choice": [4, 8, 16]}, "lr": {"float": [0.001, 0.1]},
}  # fmt: skip
FEATURES = 94


@pytest.fixture(scope="module")
def known(prepare_small):
    """Sizes, probes and terms of a small data set."""
    prepared = prepare_small()
    sizes = Sizes(prepared.graphs, prepared.splits)
    probes = list(counted("cgcnn", parse_space(SPACE), sizes, FEATURES))
    return sizes, probes, fit(probes, sizes, FEATURES)


def test_configurations_that_were_not_probed_are_predicted_within_the_error(known):
    sizes, _probes, terms = known
    estimate, space = Estimate(terms, sizes, FEATURES), parse_space(SPACE)
    for k in range(6):
        config = complete(space.draw(7, k))
        network = network_of("cgcnn", config, FEATURES, sizes.gaussians(config))
        step = training_bytes(network, sizes.training(config), FEATURES, "l1")
        true = true_bytes(Probe(config, parameters_of(network), step, 0.0), sizes)
        assert estimate.tensors_bytes(config) == pytest.approx(true, rel=max(2 * terms.error, 0.03))
    assert 0 < terms.mean_error <= terms.error < 0.1


def test_more_of_everything_takes_more(known):
    sizes, _probes, terms = known
    estimate = Estimate(terms, sizes, FEATURES)
    config = {"atom_embedding_size": 16, "num_graph_conv_layers": 2, "fc_feat_size": 16, "batch_size": 8, "lr": 0.01}
    base = estimate.bytes(config)
    for key, value in (("atom_embedding_size", 48), ("num_graph_conv_layers", 3), ("batch_size", 16)):
        assert estimate.bytes({**config, key: value}) > base, key
    assert estimate.bytes({**config, "lr": 0.1}) == base


def test_counted_tensors_get_reserve_and_context_and_measured_ones_the_context(known):
    sizes, _probes, terms = known
    config = {"atom_embedding_size": 16, "num_graph_conv_layers": 2, "fc_feat_size": 16, "batch_size": 8, "lr": 0.01}
    counted_one = Estimate(terms, sizes, FEATURES)
    tensors = counted_one.tensors_bytes(config)
    assert counted_one.bytes(config) == pytest.approx(tensors * (1 + RESERVE_SHARE) + AROUND_BYTES)
    measured_terms = Terms.read({**terms.plain(), "device": "NVIDIA H100"})
    assert Estimate(measured_terms, sizes, FEATURES).bytes(config) == pytest.approx(tensors + AROUND_BYTES)
    assert counted_one.least_bytes(config) < counted_one.bytes(config)


def test_terms_are_kept_as_they_are(known):
    terms = known[2]
    assert Terms.read(json.loads(json.dumps(terms.plain()))) == terms


@pytest.mark.parametrize(
    ("space", "sets"),
    [
        ({"lr": {"float": [0.1, 0.2]}}, 1),
        ({"max_neighbors": {"choice": [6, 12]}}, 2),
        ({"data.max_neighbors": {"int": [4, 24]}}, 4),
    ],
)
def test_a_worker_keeps_the_data_of_several_cutoffs(space, sets):
    assert data_sets(parse_space(space)) == sets


def test_what_was_fitted_is_kept_for_the_same_data_space_and_model(tmp_path, prepare_small, monkeypatch):
    study = parse({"space": SPACE, "data": {"source": "toy"}})
    prepared = prepare_small()
    first = estimate_of(study, tmp_path, prepared=prepared)
    monkeypatch.setattr("perch.memory.known.counted", lambda *_: pytest.fail("it was probed anew"))
    assert estimate_of(study, tmp_path, prepared=prepared).terms == first.terms
    with pytest.raises(pytest.fail.Exception):
        estimate_of(
            parse({"space": {**SPACE, "batch_size": 4}, "data": {"source": "toy"}}), tmp_path, prepared=prepared
        )


def test_deep_networks_are_predicted_from_shallow_ones(prepare_small):
    prepared = prepare_small()
    sizes = Sizes(prepared.graphs, prepared.splits)
    space = parse_space({**SPACE, "num_graph_conv_layers": {"int": [1, 20]}, "num_fc_layers": {"int": [1, 20]}})
    probes = list(counted("cgcnn", space, sizes, FEATURES))
    assert max(p.config["num_graph_conv_layers"] for p in probes) < 20
    estimate = Estimate(fit(probes, sizes, FEATURES), sizes, FEATURES)
    config = complete({"num_graph_conv_layers": 20, "num_fc_layers": 20, "batch_size": 16, "atom_embedding_size": 64})
    network = network_of("cgcnn", config, FEATURES, sizes.gaussians(config))
    step = training_bytes(network, sizes.training(config), FEATURES, "l1")
    true = true_bytes(Probe(config, parameters_of(network), step, 0.0), sizes)
    assert estimate.tensors_bytes(config) == pytest.approx(true, rel=0.05)
