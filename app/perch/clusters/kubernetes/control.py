"""A run that was submitted: its state, its log, its end, its results."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perch.clusters.kubernetes.client import Object, RayClusterApi, RayjobApi
from perch.clusters.kubernetes.errors import NotFound, RunFailed, translated
from perch.clusters.kubernetes.pods import execute, head_pod, helper
from perch.clusters.kubernetes.status import JobStatus
from perch.errors import ClusterError

LEFT_OUT: Final = ("checkpoints", "events")
"""Folders of a run that ``fetch`` leaves where they are, unless all is asked for."""


@dataclass(frozen=True)
class Place:
    """Where a run's results lie: claim, folder in it, and an image that can read it."""

    claim: str
    image: str
    mount: str
    security: Object | None = None
    """The pods' security context, which a helper that reads the claim needs too; None: the chart's own."""


class Run:
    """One run by its id."""

    def __init__(self, api_client: Any, run_id: str, namespace: str) -> None:
        from kubernetes import client

        self.id, self.namespace = run_id, namespace
        self.jobs, self.clusters = RayjobApi(api_client), RayClusterApi(api_client)
        self.core = client.CoreV1Api(api_client)

    def status(self) -> JobStatus:
        """Return its state; raises NotFound when there is no such RayJob."""
        return self.jobs.get_job_status(self.id, self.namespace)

    def place(self) -> Place:
        """Return where its results lie, read from the RayJob or from the standing cluster that it names."""
        job = self.jobs.get_job(self.id, self.namespace)
        spec = job["spec"].get("rayClusterSpec")
        if spec is None:
            cluster = job["spec"]["clusterSelector"]["ray.io/cluster"]
            spec = self.clusters.get_ray_cluster(cluster, self.namespace)["spec"]
        return results_place(spec)

    def last_lines(self, count: int = 5) -> str:
        """Return the driver's last lines while the head lives, else those that Ray kept of a failure."""
        status = self.status()
        pod = head_pod(self.core, self.namespace, status.cluster)
        if pod is None:
            return "\n".join(status.last_lines.splitlines()[-count:])
        with translated("read the driver's log", self.namespace):
            log: str = self.core.read_namespaced_pod_log(
                pod.metadata.name, self.namespace, container="driver-log", tail_lines=count
            )
        return log.rstrip()

    def logs(self, follow: bool) -> Iterator[str]:
        """Yield the driver's log; with ``follow`` until the run ends, across a new head. From the claim if no head lives."""
        seen: set[str] = set()
        while True:
            status = self.status()
            pod = head_pod(self.core, self.namespace, status.cluster)
            if pod is not None and pod.metadata.name not in seen:
                seen.add(pod.metadata.name)
                yield from self._pod_log(pod.metadata.name, follow and not status.finished)
            elif pod is None and status.finished and not seen:
                yield from self._kept_log()
            status = self.status()
            if not follow or status.finished:
                return
            self._next_change()

    def stop(self, timeout_s: float) -> JobStatus:
        """Ask for a clean end through the stop file, and wait for it; the run can be submitted again to go on.

        A retry would undo the stop, so none is left.
        """
        status = self.status()
        if status.finished or status.deployment == "Suspended":
            return status
        pod = head_pod(self.core, self.namespace, status.cluster)
        if status.job != "RUNNING" or pod is None:
            raise RunFailed(
                f"the run '{self.id}' does not compute, so nobody would see its stop file",
                why=f"it is {status.word}",
                fix=f"perch k8s stop {self.id} --remove deletes it; what the claim holds stays",
            )
        self.jobs.patch_job(self.id, {"spec": {"backoffLimit": 0}}, self.namespace)
        mount = self.place().mount
        command = ["/bin/bash", "-c", 'cd "$0" && : > stop', f"{mount}/{self.id}"]
        list(execute(self.core, self.namespace, pod.metadata.name, "ray-head", command))
        return self.jobs.wait_until_job_finished(self.id, self.namespace, timeout_s)

    def remove(self) -> None:
        """Delete the RayJob and all that belongs to it; the claim stays."""
        self.jobs.delete_job(self.id, self.namespace)

    def fetch(self, to: Path, place: Place | None = None, everything: bool = False) -> list[Path]:
        """Copy the run's folder out of the claim into ``to``; return the files. Works when the cluster is gone."""
        place = place or self.place()
        left_out: Sequence[str] = () if everything else LEFT_OUT
        script = 'cd "/results/$0" || exit 3; tar -cz "$@" . | base64 -w 0'
        options = [f"--exclude=./{name}" for name in left_out]
        with helper(self.core, self.namespace, self.id, place.image, place.claim, place.security) as pod:
            command = ["/bin/bash", "-o", "pipefail", "-c", script, self.id, *options]
            try:
                text = "".join(execute(self.core, self.namespace, pod, "fetch", command))
            except RunFailed as error:
                if "exit code 3" not in error.what:
                    raise
                raise NotFound(
                    f"the claim '{place.claim}' holds no run '{self.id}'",
                    why="the run wrote nothing, or wrote to another claim",
                    fix="check --claim; perch k8s status shows how the run ended",
                ) from error
        return unpack(base64.b64decode(text), to)

    def _pod_log(self, pod: str, follow: bool) -> Iterator[str]:
        with translated("read the driver's log", self.namespace):
            stream = self.core.read_namespaced_pod_log(
                pod, self.namespace, container="driver-log", follow=follow, _preload_content=False
            )
            for line in stream:
                yield line.decode(errors="replace").rstrip("\n")

    def _kept_log(self) -> Iterator[str]:
        place = self.place()
        job = self.jobs.get_job(self.id, self.namespace)
        driver = (job.get("status") or {}).get("jobId", "")
        with helper(self.core, self.namespace, self.id, place.image, place.claim, place.security) as pod:
            command = ["/bin/bash", "-c", 'cat $(ls -tr /results/logs/"$0"*.log)', driver]
            yield from "".join(execute(self.core, self.namespace, pod, "fetch", command)).splitlines()

    def _next_change(self) -> None:
        for number, _ in enumerate(self.jobs.watch(self.id, self.namespace, timeout=10)):
            if number:
                return


def results_place(spec: Object) -> Place:
    """Find the results volume in the specification of a RayCluster."""
    pod = spec["headGroupSpec"]["template"]["spec"]
    head = pod["containers"][0]
    volume: Object = next((v for v in pod.get("volumes", []) if v["name"] == "results"), {})
    mount: Object = next((m for m in head.get("volumeMounts", []) if m["name"] == "results"), {})
    if "persistentVolumeClaim" not in volume or not mount:
        raise ClusterError(
            "the run has no results claim",
            why="its results lie in the head pod (storage.type=emptyDir) and go with it",
            fix="copy them while the head lives: kubectl cp; next time use storage.type=pvc",
        )
    return Place(
        volume["persistentVolumeClaim"]["claimName"], head["image"], mount["mountPath"], pod.get("securityContext")
    )


def unpack(archive: bytes, to: Path) -> list[Path]:
    """Unpack a tar of plain files into ``to``. Members that are neither file nor folder are left out.

    Raises ClusterError for a member that leads out of ``to``. Files are written here and not by ``extractall``, whose filter for archives of others came with Python 3.11.4.
    """
    root = to.resolve()
    written: list[Path] = []
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar.getmembers():
            path = (root / member.name).resolve()
            if not path.is_relative_to(root):
                raise ClusterError(
                    f"the archive holds '{member.name}', which leads out of '{to}'",
                    why="a run's folder holds no such file",
                    fix="look at the results volume: somebody else may have written to it",
                )
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            elif member.isfile() and (content := tar.extractfile(member)) is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
                written.append(to / member.name)
    return sorted(written)
