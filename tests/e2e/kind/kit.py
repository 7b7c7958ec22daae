"""What the tests do to a cluster: install, watch, look through a port-forward, break things."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.kind.bring_up import ROOT, Cluster

from perch.clusters.kubernetes.client import RayjobApi
from perch.clusters.kubernetes.status import JobStatus, job_status
from perch.log.events import read

CHART = ROOT / "charts" / "perch"
TREE = bool(os.environ.get("PERCH_E2E_TREE"))
"""Run the working tree's code on an image that is older: it is copied to a claim that head and workers import from."""
TREE_POD = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: tree}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: tree}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: tree
      image: IMAGE
      command: [sleep, infinity]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      volumeMounts: [{name: tree, mountPath: /tree}]
  volumes: [{name: tree, persistentVolumeClaim: {claimName: tree}}]
"""
log = logging.getLogger("e2e")
Json = Any


@dataclass
class Kit:
    """One namespace of a cluster."""

    cluster: Cluster
    namespace: str
    _jobs: RayjobApi | None = field(default=None, repr=False)

    @property
    def api_client(self) -> Any:
        """A client for this cluster."""
        from kubernetes import config

        return config.new_client_from_config(self.cluster.environment["KUBECONFIG"])

    @property
    def jobs(self) -> RayjobApi:
        """The RayJobs."""
        if self._jobs is None:
            self._jobs = RayjobApi(self.api_client)
        return self._jobs

    def call(self, *command: str, check: bool = True, stdin: str | None = None, seconds: float = 300) -> str:
        """Run a tool and return what it prints; a failure shows what it said."""
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.cluster.environment, check=False, input=stdin,
            timeout=seconds,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """Run kubectl in the namespace."""
        return self.call("kubectl", "-n", self.namespace, *arguments, **options)

    def helm(self, *arguments: str, **options: Any) -> str:
        """Run helm in the namespace."""
        return self.call("helm", "-n", self.namespace, *arguments, **options)

    def install(self, release: str, *settings: str, verb: str = "install", **options: Any) -> str:
        """Install the chart with the kind preset and this cluster's image."""
        registry, _, rest = self.cluster.image.partition("/")
        repository, _, tag = rest.rpartition(":")
        image = f"image.registry={registry},image.repository={repository},image.tag={tag}"
        values = str(CHART / "values-kind.yaml")
        return self.helm(verb, release, str(CHART), "-f", values, "--set", image, *self.tree, *settings, **options)

    @property
    def tree(self) -> tuple[str, ...]:
        """Settings that let the pods import the working tree."""
        return ("--set", "trainable.existingClaim=tree") if TREE else ()

    def copy_tree(self) -> None:
        """Copy the package to a claim."""
        self.kubectl("apply", "-f", "-", stdin=TREE_POD.replace("IMAGE", self.cluster.image))
        self.kubectl("wait", "--for=condition=Ready", "pod/tree", "--timeout=120s")
        pack = ["tar", "-C", str(ROOT / "app"), "--exclude", "__pycache__", "-cf", "-", "perch"]
        packed = subprocess.run(pack, capture_output=True, check=True).stdout
        unpack = ["kubectl", "-n", self.namespace, "exec", "-i", "tree", "--", "tar", "-xf", "-", "-C", "/tree"]
        subprocess.run(unpack, input=packed, check=True, env=self.cluster.environment)
        self.kubectl("delete", "pod", "tree")

    def get(self, kind: str, name: str = "", selector: str = "") -> Json:
        """Return an object or a list as JSON."""
        words = [kind, *([name] if name else []), *(["-l", selector] if selector else [])]
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def pod(self, release: str, component: str, seconds: float = 180, other_than: str = "", quiet: bool = False) -> str:
        """Return the name of a ready pod of a release, waiting for it."""
        selector = f"app.kubernetes.io/instance={release},app.kubernetes.io/component={component}"

        def look() -> str | None:
            for pod in self.get("pods", selector=selector)["items"]:
                conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
                leaving = "deletionTimestamp" in pod["metadata"]
                if conditions.get("Ready") == "True" and not leaving and pod["metadata"]["name"] != other_than:
                    return str(pod["metadata"]["name"])
            return None

        return str(self.until("" if quiet else f"a ready {component} of {release}", look, seconds))

    def until(self, what: str, look: Callable[[], Any], seconds: float = 180) -> Any:
        """Return what ``look`` finds; fail after ``seconds``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = look()
            if found:
                log.log(
                    logging.INFO if what else logging.DEBUG,
                    "%s: there after %.0f s",
                    what,
                    time.monotonic() - end + seconds,
                )
                return found
            time.sleep(1)
        raise AssertionError(f"{what}: not there after {seconds:.0f} s\n{self.state()}")

    def finished(self, run_id: str, seconds: float = 900) -> JobStatus:
        """Wait for the end of a run, telling its states."""
        said = ""
        end = time.monotonic() + seconds
        for job in self.jobs.watch(run_id, self.namespace, seconds):
            status = job_status(job)
            line = f"{run_id}: {status.word} ({status.deployment} {status.job})"
            if line != said:
                log.info(line)
                said = line
            if status.finished:
                return status
            assert time.monotonic() < end
        raise AssertionError(f"{run_id} did not end within {seconds:.0f} s\n{self.state()}")

    def shell(self, pod: str, script: str, container: str = "ray-head", check: bool = True) -> str:
        """Run a shell line in a pod."""
        return self.kubectl("exec", pod, "-c", container, "--", "/bin/bash", "-c", script, check=check)

    def events(self, pod: str, run_id: str) -> list[Json]:
        """Return the run's log as Perch reads it: the accepted part of each attempt's file."""
        script = f'cd /results/{run_id}/events && for f in *.jsonl; do echo "== $f"; cat $f; done'
        with tempfile.TemporaryDirectory() as folder:
            for part in self.shell(pod, script).split("== ")[1:]:
                name, _, content = part.partition("\n")
                Path(folder, name).write_text(content)
            return list(read(Path(folder)))

    @contextmanager
    def port_forward(self, target: str, port: int) -> Iterator[str]:
        """Forward a port and yield its address."""
        process = subprocess.Popen(
            ["kubectl", "-n", self.namespace, "port-forward", target, f":{port}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.cluster.environment,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, line
            threading.Thread(target=lambda: list(process.stdout or ()), daemon=True).start()
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()
            process.wait(10)

    def state(self) -> str:
        """What a person would look at first when something is wrong."""
        looks = (
            ("get", "rayjobs,rayclusters,pods,pvc"),
            ("get", "events", "--sort-by=.lastTimestamp"),
            ("logs", "-l", "app.kubernetes.io/component=head", "-c", "driver-log", "--tail=40"),
        )
        return "\n".join(self.kubectl(*words, check=False) for words in looks)


def fetch_json(url: str) -> Json:
    """Return a JSON answer."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def scalars(board: str) -> dict[str, list[str]]:
    """Return the scalar tags of each run that TensorBoard shows."""
    return {run: list(tags) for run, tags in fetch_json(f"{board}/data/plugin/scalars/tags").items()}
