"""A training program with an environment of its own, outside of the image: on the shared folder, tuned on two nodes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.e2e.slurm.cluster import REPOSITORY, Cluster, podman
from tests.e2e.standin import standin_study
from tests.unit.programs.conftest import losses

from perch.log.events import read
from perch.log.folder import RunFolder
from perch.programs.config.configure import seed_of

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]

PROGRAM = """#!{environment}/bin/python
import pathlib
import socket
import sys
import time

import standin

host = socket.gethostname().split(".")[0]
print("in", sys.prefix, "on", host, flush=True)
meeting = pathlib.Path("{meeting}")
(meeting / host).touch()
end = time.monotonic() + 120
while len(list(meeting.iterdir())) < 2 and time.monotonic() < end:
    time.sleep(0.1)  # until it runs on both nodes, however late one of them is
standin.main()
"""


@pytest.fixture
def environment(cluster: Cluster) -> str:
    """A virtual environment made with the image's Python, the stand-in installed in it; its path on the nodes."""
    here, there = cluster.here.with_name("perch-e2e-envs"), cluster.there.with_name("perch-e2e-envs")
    if here.exists() and cluster.is_lab:
        podman("exec", "slurm-head", "rm", "-rf", str(there))
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    here.chmod(0o777)
    made = there / "standin"
    make = ["apptainer", "exec", "--no-home", "--bind", str(there), str(cluster.sif)]
    cluster.run(*make, "python3", "-m", "venv", "--without-pip", str(made), timeout_s=120)
    packages = "lib/python3.11/site-packages/standin.py"
    (cluster.here / "standin.py").write_text((REPOSITORY / "tests" / "programs" / "standin.py").read_text())
    meeting = cluster.here / "meeting"
    shutil.rmtree(meeting, ignore_errors=True)
    meeting.mkdir()
    meeting.chmod(0o777)
    program = PROGRAM.format(environment=made, meeting=cluster.there / "meeting")
    (cluster.here / "standin-train").write_text(program)
    cluster.run("cp", str(cluster.there / "standin.py"), str(made / packages))
    cluster.run("install", "-m", "755", str(cluster.there / "standin-train"), str(made / "bin"))
    (cluster.here / "standin.py").unlink()  # from here on the environment alone has it
    return str(made)


def script(cluster: Cluster, environment: str, *binds: str) -> Path:
    """The batch script as ``perch slurm script`` writes it in the container, which shows ``binds``."""
    (cluster.here / "program.yaml").write_text(standin_study(environment, "template.json"))
    (cluster.here / "template.json").write_text(json.dumps({"lr": 0.1, "seed": 0, "epochs": 9, "epoch_s": 0.3}))
    shown = [word for path in (*cluster.binds().splitlines(), *binds) for word in ("--bind", path)]
    asked = ["--nodes", "2", "--cpus-per-node", "1", "--mem", "2G", "--time", "00:15:00", "--run-id", "program"]
    text = cluster.run(  # from a folder of its own: Apptainer shows the one that it is called in
        "env", "-C", str(cluster.there), "apptainer", "run", "--cleanenv", "--no-home", *shown, str(cluster.sif),
        "slurm", "script", str(cluster.there / "program.yaml"), *asked, timeout_s=180,
    )  # fmt: skip
    (cluster.here / "program.sbatch").write_text(text)
    return cluster.there / "program.sbatch"


def test_a_program_is_tuned_from_its_own_environment_on_two_nodes(cluster: Cluster, environment: str) -> None:
    """Paused trials go on from their checkpoints, on whichever node is free, as if they had never been paused."""
    job = cluster.submit(script(cluster, environment, environment), knobs={"PERCH_BINDS": cluster.source_bind()})
    assert cluster.wait(job, timeout_s=600) == 0, cluster.outputs()
    folder = RunFolder(cluster.here / "results" / "program")
    events = list(read(folder.events))
    configs = {e["id"]: e["config"] for e in events if e["e"] == "trial"}
    results = [e for e in events if e["e"] == "result"]
    assert len(configs) == 9 and any(e["e"] == "promote" for e in events)
    assert len({(e["id"], e["epoch"]) for e in results}) == len(results), "no epoch stands twice"
    for event in results:
        expected = losses(event["epoch"], configs[event["id"]]["lr"], seed_of(0, event["id"]))[-1]
        assert event["value"] == pytest.approx(expected, rel=1e-12), "trained from a wrong checkpoint"
    said = {path.read_text().splitlines()[0] for path in folder.program_trials.glob("*/*/output.log")}
    nodes = cluster.run("scontrol", "show", "hostnames", cluster.show(job)["NodeList"]).split()
    assert said == {f"in {environment} on {node}" for node in nodes}


def test_an_environment_that_the_container_does_not_show_is_refused(cluster: Cluster, environment: str) -> None:
    """By ``perch slurm script``, before anything is queued."""
    with pytest.raises(AssertionError, match="cannot be run"):
        script(cluster, environment)
