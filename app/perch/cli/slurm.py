"""``perch slurm``: write a batch script, run a node of a job, see how a run stands, stop it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Run a study on a Slurm cluster.")


@app.command(context_settings={"ignore_unknown_options": True})
def launch(
    command: Annotated[list[str], typer.Argument(help="after --: a perch command line, or python and a program")],
    job_folder: Annotated[Path, typer.Option(help="the job's folder, seen by all nodes")],
    interface: Annotated[str | None, typer.Option(help="network interface, the same on every node")] = None,
    min_nodes: Annotated[int | None, typer.Option(min=1, help="go on with this many; default all")] = None,
    gpus_per_node: Annotated[int | None, typer.Option(min=0, help="fail when fewer are visible")] = None,
    head_cpus: Annotated[int | None, typer.Option(min=0, help="CPUs for trials on the head; 0: none")] = None,
    node_tmp: Annotated[Path | None, typer.Option(help="node-local folder for temporary files; /tmp")] = None,
    logdir: Annotated[Path | None, typer.Option(help="TensorBoard beside the head, on this folder")] = None,
    dashboard: Annotated[
        bool, typer.Option(help="Ray's dashboard, on 127.0.0.1, with a token; nine more processes")
    ] = False,
    start_timeout: Annotated[float, typer.Option(min=1, help="seconds to wait for the nodes")] = 180.0,
) -> int:
    """Run one node of a job: srun starts one of these per node, the first one is the head."""
    from perch.clusters.slurm.node.allocation import from_environment
    from perch.clusters.slurm.node.base import NODE_TMP, Options
    from perch.clusters.slurm.node.launcher import launch as launch_node

    allocation = from_environment(os.environ)
    options = Options(
        job_folder=job_folder.absolute(),
        command=tuple(command),
        interface=interface,
        min_nodes=min_nodes,
        gpus_per_node=gpus_per_node,
        head_cpus=head_cpus,
        node_tmp=node_tmp or NODE_TMP,
        logdir=logdir,
        dashboard=dashboard,
        start_timeout_s=start_timeout,
    )
    return launch_node(options, allocation, os.environ)


@app.command(context_settings={"ignore_unknown_options": True})
def script(
    study: Annotated[Path | None, typer.Argument(help="study file; default: the embedded study")] = None,
    arguments: Annotated[list[str] | None, typer.Argument(help="after --: more arguments for perch run")] = None,
    nodes: Annotated[int, typer.Option(help="nodes")] = 1,
    cpus_per_node: Annotated[int, typer.Option(help="CPUs of each node")] = 8,
    gpus_per_node: Annotated[int | None, typer.Option(help="GPUs of each node")] = None,
    mem: Annotated[str | None, typer.Option(help="memory of each node, such as 64G")] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="walltime of one job: 8h, or as Slurm writes it: 08:00:00, 1-12, 90 (minutes); default: 8h, or what --record foretells"
        ),
    ] = None,
    record: Annotated[
        list[str] | None, typer.Option(help="recorded curves of this space: --time is what the run will take")
    ] = None,
    run_id: Annotated[str | None, typer.Option(help="name of the run; default: study and strategy")] = None,
    out: Annotated[Path | None, typer.Option(help="folder of results, seen by all nodes")] = None,
    site: Annotated[Path | None, typer.Option(help="cluster.yaml of the site")] = None,
    min_nodes: Annotated[int | None, typer.Option(help="start with this many when others do not come")] = None,
    code: Annotated[Path | None, typer.Option(help="folder of your own trainable module")] = None,
    stage_data: Annotated[bool, typer.Option(help="copy the data file to the nodes' disks")] = False,
    check: Annotated[bool, typer.Option(help="look first whether all is there, and import your own trainable")] = True,
) -> None:
    """Check a study and write a batch script for it to standard output."""
    from perch.clusters.slurm.checks import check as look
    from perch.clusters.slurm.job import job_for
    from perch.clusters.slurm.script import render
    from perch.clusters.slurm.site import load_site
    from perch.study import load

    words = tuple(arguments or ())
    if study is not None and str(study).startswith("-"):  # slurm script -- --trials 9: the embedded study
        study, words = None, (str(study), *words)
    if time is None and record:
        from perch.advise.walltime import walltime
        from perch.cli.run import changes_of

        name = str(study) if study is not None else None
        time = walltime(name, changes_of(words), record, nodes, cpus_per_node, gpus_per_node)
    job = job_for(
        study,
        words,
        nodes=nodes,
        cpus_per_node=cpus_per_node,
        gpus_per_node=gpus_per_node,
        memory=mem,
        time=time or "8h",
        run_id=run_id,
        out=out,
        min_nodes=min_nodes,
        code=code,
        stage_data=stage_data,
    )
    place = load_site(site)
    text = render(job, place)
    lines = look(job, place, load(study)) if check else ["unchecked: everything that the study names"]
    for line in lines:
        typer.echo(line, err=True)
    typer.echo(text, nl=False)


@app.command()
def status(
    queue: Annotated[typer.FileText, typer.Argument(help="squeue's lines, - for standard input")],
    out: Annotated[Path, typer.Option(help="folder of results")] = Path("results"),
) -> None:
    """Join the queue with the runs: squeue -h --me -o '%i|%j|%T|%M|%l|%D|%R|%Z|%k' | perch slurm status -."""
    from perch.clusters.slurm.status import parse_squeue, report

    for line in report(parse_squeue(queue), out):
        typer.echo(line)


@app.command()
def stop(run: Annotated[Path, typer.Argument(help="the run's folder, OUT/RUN_ID")]) -> None:
    """Ask a run to save and end; its job exits with code 75."""
    from perch.clusters.slurm.status import stop as leave_stop_file

    typer.echo(f"left {leave_stop_file(run)}; the run saves and ends within seconds")


@app.command()
def logs(run: Annotated[Path, typer.Argument(help="the run's folder, OUT/RUN_ID")]) -> None:
    """Print the driver's log of the run's newest job."""
    from perch.clusters.slurm.status import driver_log

    typer.echo(driver_log(run).read_text(errors="replace"), nl=False)
