"""``perch.run`` in a program that has a Ray of its own: it uses that Ray, and leaves the program as it found it."""

import os
import signal

from tests.integration.conftest import MODULES

from perch import Study, run
from perch.study import parse

STUDY = {
    "name": "toy", "trainable": "toy_trainable:Toy", "space": {"x": {"float": [0.0, 0.9]}}, "metric": "loss", "epochs": 3,
    "budget": {"trials": 4}, "confirm": {"top": 0}, "log": [], "base": str(MODULES),
}  # fmt: skip


def test_a_program_keeps_its_ray_and_its_handlers_of_signals(shared_ray, tmp_path):
    import ray

    def mine(number, frame):
        """A program's own."""

    before = signal.signal(signal.SIGINT, mine), signal.getsignal(signal.SIGTERM), dict(os.environ)
    try:
        study: Study = parse(STUDY)
        found = run(study, out=tmp_path, run_id="r")
        assert found.summary["status"] == "done" and len(found.trials) == 4
        assert ray.is_initialized()
        assert signal.getsignal(signal.SIGINT) is mine, "Ctrl-C would go to a run that has ended"
        assert signal.getsignal(signal.SIGTERM) is before[1]
    finally:
        signal.signal(signal.SIGINT, before[0])
