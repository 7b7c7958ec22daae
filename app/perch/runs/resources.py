"""What a trial needs of a cluster, and how many trials fit it at once."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Sequence

from perch.engine.ray_session import Node, Session
from perch.errors import ClusterError, StudyError
from perch.runs.planned import planned_nodes
from perch.study import Study

FIRST_WORKER_S = 900.0
"""How long a run on a cluster waits for a worker that takes a trial: an autoscaler may have to start one."""


def trial_resources(study: Study, nodes: Sequence[Node]) -> dict[str, float]:
    """Cores and GPUs of one trial; where the study does not say, one GPU if any node has one, or one that is still to come has."""
    gpus = study.resources.gpus_each
    if gpus is None:
        gpus = 1.0 if any(node.gpus > 0 for node in (*nodes, *planned_nodes())) else 0.0
    return {"cpu": study.resources.cpus, **({"gpu": gpus} if gpus else {})}


def cores_for(study: Study, workers: int) -> int:
    """The cores of a private Ray on which ``workers`` trials train at once. Raises StudyError for more than this machine has."""
    if os.environ.get("RAY_ADDRESS"):
        raise StudyError(
            "--workers is for a run on this machine", why="RAY_ADDRESS names a cluster, which has workers of its own",
            fix="leave it out; a trial's share of the cluster is resources.cpus and resources.gpus",
        )  # fmt: skip
    needed, here = math.ceil(workers * study.resources.cpus), len(os.sched_getaffinity(0))
    if needed > here:
        raise StudyError(
            f"--workers {workers}: {workers} trials of {study.resources.cpus:g} cores need {needed}", why=f"this machine offers {here}",
            fix=f"--workers {max(int(here / study.resources.cpus), 1)}, or a smaller share: --set resources.cpus=0.5",
        )  # fmt: skip
    return needed


def fits(node: Node, resources: dict[str, float]) -> int:
    """How many trials a node takes at once."""
    number = int(node.cpus / resources["cpu"] + 1e-6)
    if resources.get("gpu"):
        number = min(number, int(node.gpus / resources["gpu"] + 1e-6))
    return number


def slots(nodes: Sequence[Node], resources: dict[str, float], avoided: Collection[str] = ()) -> int:
    """How many trials fit at once: a trial lies on one node, so what is left over on several does not add up.

    ``avoided``: addresses of nodes that are not to be used.
    """
    return sum(fits(node, resources) for node in nodes if node.address not in avoided)


def wait_for_room(study: Study, session: Session, *, say: Callable[[str], None]) -> dict[str, float]:
    """The resources of a trial, once a node is there that takes one. An autoscaler is shown the demand meanwhile.

    Raises ClusterError when none comes: at once on a private Ray, and after a quarter of an hour on a cluster.
    """
    began = time.monotonic()
    said = False
    while True:
        nodes = session.nodes()
        resources = trial_resources(study, nodes)
        waited_s = time.monotonic() - began
        if slots(nodes, resources) > 0:
            return resources
        if session.private or waited_s > FIRST_WORKER_S:
            raise _none_fits(resources, nodes)
        session.want(1, resources)
        if not said and waited_s > 2.0:
            said = True
            say(f"waiting for a worker with {_shown(resources)}; the cluster has none yet")
        time.sleep(0.5)


def _none_fits(resources: dict[str, float], nodes: Sequence[Node]) -> ClusterError:
    largest = max(((n.cpus, n.gpus) for n in nodes), default=(0.0, 0.0))
    return ClusterError(
        f"a trial needs {_shown(resources)} and no node has that",
        why=f"Ray sees {len(nodes)} nodes, the largest with {largest[0]:g} cores and {largest[1]:g} GPUs",
        fix="ask for less (resources.cpus, resources.gpus: 0 for none), or see 'perch doctor'",
    )


def _shown(resources: dict[str, float]) -> str:
    gpus = resources.get("gpu", 0.0)
    return f"{resources['cpu']:g} cores" + (f" and {gpus:g} GPUs" if gpus else "")
