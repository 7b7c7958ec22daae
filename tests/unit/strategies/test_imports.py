"""Deciding, simulating and reading a record need neither torch nor Ray."""

from __future__ import annotations

import subprocess
import sys

from tests.patience import LIMIT_S

CODE = """
import sys
from perch.strategies.registry import STRATEGIES, Plan, build
from perch.space import parse_space
import perch.simulate, {record}
space = parse_space({{"lr": {{"float": [0.1, 0.2]}}}})
list(perch.simulate.simulate(build("asha", Plan(space, 9, 5)), perch.simulate.PowerLaw(space), workers=2))
STRATEGIES.names()
print(sorted({{m.split(".")[0] for m in sys.modules}} & {{"torch", "ray", "torch_geometric", "optuna", "matplotlib"}}))
"""


def test_strategies_simulation_and_record_import_neither_torch_nor_ray() -> None:
    code = CODE.format(record="perch.record")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
