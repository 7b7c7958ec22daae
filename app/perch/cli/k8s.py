"""``perch k8s``: the same study on a Kubernetes cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Run a study on a Kubernetes cluster.")

RunId = Annotated[str, typer.Argument(metavar="RUN", help="the run's id, which names its RayJob")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="namespace; default: the one of your kubeconfig")]


@app.command()
def submit(
    study: Annotated[Path | None, typer.Argument(help="study file; default: the image's own study")] = None,
    run_id: Annotated[str, typer.Option(help="names RayJob and results folder; default from study and time")] = "",
    namespace: Namespace = "",
    cluster: Annotated[str, typer.Option(help="a standing Ray cluster to run on; default: one of its own")] = "",
    image: Annotated[str, typer.Option(envvar="PERCH_IMAGE", help="the image; default: perch at this version")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Ray workers")] = 1,
    cpus: Annotated[str, typer.Option(help="CPUs of a worker, as Kubernetes writes them")] = "",
    memory: Annotated[str, typer.Option(help="memory of a worker, such as 8Gi")] = "",
    gpus: Annotated[int, typer.Option(min=0, help="GPUs of a worker")] = 0,
    head_cpus: Annotated[str, typer.Option(help="CPUs of the head, as Kubernetes writes them")] = "",
    head_memory: Annotated[str, typer.Option(help="memory of the head, such as 4Gi")] = "",
    code: Annotated[Path | None, typer.Option(help="folder with the modules of your own trainable")] = None,
    site: Annotated[Path | None, typer.Option(help="cluster.yaml: image, sizes, node selectors, tolerations")] = None,
    claim: Annotated[str, typer.Option(help="an existing claim for the results; default: a new one")] = "",
    size: Annotated[str, typer.Option(help="size of a new claim")] = "20Gi",
    storage_class: Annotated[str, typer.Option(help="class of a new claim; default: the cluster's")] = "",
    single_node: Annotated[bool, typer.Option(help="all pods on one node, with a ReadWriteOnce claim")] = False,
    strategy: Annotated[str, typer.Option(help="strategy; default: the study's")] = "",
    trials: Annotated[int | None, typer.Option(min=1, help="number of trials")] = None,
    time_budget: Annotated[str, typer.Option(help="time budget, such as 8h")] = "",
    seed: Annotated[int | None, typer.Option(min=0, help="seed")] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="PATH=VALUE of the study; repeatable")] = None,
    deadline: Annotated[
        str, typer.Option(help="when the cluster ends it, such as 2d; default: time budget plus 2h, else a week")
    ] = "",
    manifest: Annotated[Path | None, typer.Option(help="start from this rendering of the chart")] = None,
    wait: Annotated[bool, typer.Option(help="wait for the end and exit with the run's code")] = False,
    start_timeout: Annotated[float, typer.Option(min=1, help="seconds until it must compute")] = 600.0,
) -> int:
    """Send a study; return once it computes, or say why it cannot."""
    from perch.clusters.kubernetes.client import connect
    from perch.clusters.kubernetes.control import Run
    from perch.clusters.kubernetes.request import from_options
    from perch.clusters.kubernetes.submit import submit as send

    request = from_options(
        study=study,
        run_id=run_id,
        namespace=_namespace(namespace),
        strategy=strategy,
        trials=trials,
        time_budget=time_budget,
        seed=seed,
        overrides=overrides or [],
        image=image,
        workers=workers,
        cpus=cpus,
        memory=memory,
        gpus=gpus,
        head_cpus=head_cpus,
        head_memory=head_memory,
        code=code,
        site=site,
        deadline=deadline,
        claim=claim,
        size=size,
        storage_class=storage_class,
        single_node=single_node,
    )
    template = manifest.read_text() if manifest else None
    for note in request.notes:
        typer.echo(note)
    if request.deadline_s is None:
        typer.echo("deadline: a week, since the study names no time budget (--deadline 2d sets another)")
    client = connect()
    status = send(client, request, typer.echo, cluster=cluster, template=template, start_s=start_timeout)
    typer.echo(f"{status.word}: perch k8s logs {request.run_id} -n {request.namespace} --follow")
    if wait and not status.finished:
        run = Run(client, request.run_id, request.namespace)
        status = run.jobs.wait_until_job_finished(request.run_id, request.namespace, timeout=float("inf"))
    if status.finished:
        return _end(status.word, status.last_lines, status.exit_code or 0)
    return 0


@app.command()
def status(run: RunId, namespace: Namespace = "") -> int:
    """Say how a run stands, with the driver's last lines. Exits 0 while it runs, else with the run's code."""
    from perch.clusters.kubernetes.client import connect
    from perch.clusters.kubernetes.control import Run

    it = Run(connect(), run, _namespace(namespace))
    now = it.status()
    since = now.ended or now.started
    typer.echo(f"{run}: {now.word}" + (f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""))
    if now.reason and not now.succeeded:
        typer.echo(f"reason: {now.reason}")
    if lines := it.last_lines():
        typer.echo(lines)
    return now.exit_code or 0


@app.command()
def logs(
    run: RunId,
    namespace: Namespace = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="until the run ends, across a new head")] = False,
) -> int:
    """Print the driver's log; when the cluster is gone, the copy on the results claim."""
    from perch.clusters.kubernetes.client import connect
    from perch.clusters.kubernetes.control import Run

    it = Run(connect(), run, _namespace(namespace))
    for line in it.logs(follow):
        typer.echo(line)
    return (it.status().exit_code or 0) if follow else 0


@app.command()
def stop(
    run: RunId,
    namespace: Namespace = "",
    remove: Annotated[bool, typer.Option(help="delete the RayJob too; the results stay")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="seconds to wait for the end")] = 300.0,
) -> int:
    """Let a run save its state and end. Submitting it again under the same id goes on."""
    from perch.clusters.kubernetes.client import connect
    from perch.clusters.kubernetes.control import Run
    from perch.errors import ClusterError

    it = Run(connect(), run, _namespace(namespace))
    try:
        ended = it.stop(timeout)
        typer.echo(f"{run}: {ended.word}")
    except ClusterError:
        if not remove:
            raise
    if remove:
        it.remove()
        typer.echo(f"{run}: removed; its results stay in the claim")
    return 0


@app.command()
def fetch(
    run: RunId,
    namespace: Namespace = "",
    to: Annotated[Path | None, typer.Option(help="folder; default: ./RUN")] = None,
    claim: Annotated[str, typer.Option(help="the results claim, when the RayJob is gone")] = "",
    image: Annotated[str, typer.Option(envvar="PERCH_IMAGE", help="the image, when the RayJob is gone")] = "",
    everything: Annotated[bool, typer.Option("--all", help="checkpoints and the event log too")] = False,
) -> int:
    """Copy a run's tables, report and figures here; works when the cluster is gone."""
    from perch.clusters.kubernetes.client import connect
    from perch.clusters.kubernetes.control import Place, Run

    place = Place(claim, image, "/results") if claim and image else None
    target = to or Path(run)
    files = Run(connect(), run, _namespace(namespace)).fetch(target, place, everything)
    typer.echo(f"{len(files)} files in {target}")
    return 0


def _namespace(given: str) -> str:
    if given:
        return given
    from perch.clusters.kubernetes.client import current_namespace

    return current_namespace()


def _end(word: str, lines: str, code: int) -> int:
    typer.echo(word)
    if code and lines:
        typer.echo(lines, err=True)
    return code
