"""The documentation's pictures, from a real run: ``python docs/images/make.py [--run RUN] [--population RUN]``

Without ``--run`` the embedded study is run first, without ``--population`` the two-core PBT study (minutes each on two
cores). Writes beside this file:

* ``readme.png``: learning curves coloured by what became of the trials, and the best so far;
* ``terminal.svg``: the live table in the middle of the search, from the run's log;
* ``report-light.png``, ``report-dark.png``: the head of the report; ``tensorboard.png``: its HParams page (Chromium);
* ``population.png``: error and learning rate along the best lineage of the population, as ``perch schedule`` draws it.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from perch.boards.serve import serve
from perch.boards.source import logdir
from perch.campaign.campaign import Campaign
from perch.campaign.confirmation import Confirmation
from perch.campaign.rules import Rules
from perch.log.events import EventLog, read
from perch.log.folder import RunFolder
from perch.log.state import State
from perch.report import refresh
from perch.report.figure import FIGURES
from perch.report.report_data import ReportData
from perch.report.style import styled
from perch.report.write import load
from perch.runs.resume import planned_workers
from perch.runs.strategy import build_strategy
from perch.simulate.virtual_clock import VirtualClock
from perch.view.live import Snapshot, table
from perch.view.snapshot import snapshot

HERE = Path(__file__).parent
STUDIES = HERE.parents[1] / "studies"
SHOWN = 0.8
"""Share of the search's results that the picture of the terminal shows."""


def readme(report: ReportData) -> None:
    """Two of the report's figures side by side, on white."""
    from PIL import Image

    pictures = []
    for name in ("learning_curves", "incumbent"):
        figure = FIGURES.get(name)
        with styled(name):
            drawn = figure.draw(report, figure.table(report))
            drawn.set_size_inches(6.4, 4.2)
            buffer = io.BytesIO()
            drawn.savefig(buffer, format="png", facecolor="white", dpi=130)
        pictures.append(Image.open(buffer))
    whole = Image.new("RGB", (sum(p.width for p in pictures), max(p.height for p in pictures)), "white")
    at = 0
    for picture in pictures:
        whole.paste(picture, (at, 0))
        at += picture.width
    whole.save(HERE / "readme.png", optimize=True)


def terminal(report: ReportData) -> None:
    """The live table in the middle of the search: the run's log is replayed so far."""
    from rich.console import Console

    console = Console(record=True, width=100, file=io.StringIO())
    with tempfile.TemporaryDirectory() as scratch:
        shown = midway(report, Path(scratch))
    console.print(table(replace(shown, folder=f"results/{report.folder.name}")))
    console.save_svg(str(HERE / "terminal.svg"), title="perch run")


def midway(report: ReportData, scratch: Path) -> Snapshot:
    """What the live view showed after ``SHOWN`` of the search's results. ``scratch``: where a campaign may open a log."""
    study, folder = report.study, RunFolder(report.folder)
    events = list(read(folder.events))
    state, clock = State(build_strategy(study, planned_workers(study, events[0])), study.epochs), VirtualClock()
    searched = [i for i, event in enumerate(events) if event["e"] == "result" and event["id"].isdigit()]
    for event in events[: searched[int(SHOWN * len(searched))]]:
        state.apply(event)
        clock.time_s = event["used_s"]
    slots = max(event.get("slots", 1) for event in events if event["e"] == "start")
    log = EventLog(scratch)
    campaign = Campaign(Rules.of(study), state, log, clock, folder, Confirmation(log, 0, 0), slots)
    assert state.best is not None
    campaign.best_config = report.trials.set_index("trial_id").loc[state.best[1], "config"]
    return snapshot(folder, study, campaign, dict(report.baselines), 0.0)


def population(run: Path) -> None:
    """The figure of ``perch schedule``."""
    import perch.record
    from perch.schedule.command import make_schedule

    with tempfile.TemporaryDirectory() as scratch:
        make_schedule(perch.record.load(run), Path(scratch))
        shutil.copy(Path(scratch) / "schedule.png", HERE / "population.png")


def screenshots(run: Path, page: Path) -> None:
    """Report and TensorBoard in Chromium; says so and goes on where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium: no screenshots (apt-get install chromium)")
        return
    from playwright.sync_api import sync_playwright

    address = serve(logdir(run))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            opened: Any = browser.new_page(viewport={"width": 1000, "height": 1300}, color_scheme=scheme)
            opened.goto(page.as_uri())
            opened.locator("body[data-ready=yes]").wait_for()
            opened.locator('[data-figure="incumbent"] canvas').first.wait_for()
            opened.screenshot(path=str(HERE / f"report-{scheme}.png"))
        opened = browser.new_page(viewport={"width": 1400, "height": 800})
        opened.goto(f"{address}#hparams")
        opened.get_by_text("TABLE VIEW").wait_for(timeout=120_000)
        opened.wait_for_timeout(3000)
        opened.screenshot(path=str(HERE / "tensorboard.png"))
        browser.close()


def made(study: Path | None, out: Path, run_id: str) -> Path:
    """A run made now, of a study or of the embedded one."""
    from perch.runs.runner import run_study
    from perch.study import load as load_study

    run_study(load_study(study), out=out, run_id=run_id, resume=False)
    return out / run_id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("terminal",), help="this picture alone, of --run")
    parser.add_argument("--run", type=Path, help="a run that exists")
    parser.add_argument("--population", type=Path, help="a run of pbt that exists")
    options = parser.parse_args()
    if options.only and options.run:
        terminal(load(options.run))
        return
    with tempfile.TemporaryDirectory() as scratch:
        run = options.run or made(None, Path(scratch), "adsorption-asha")
        population(options.population or made(STUDIES / "pbt-two-cores.yaml", Path(scratch), "pbt"))
        report = load(run)
        readme(report)
        terminal(report)
        screenshots(run, refresh(run))
    print("written:", ", ".join(sorted(f.name for f in HERE.iterdir() if f.suffix != ".py")))


if __name__ == "__main__":
    main()
