"""How long does a report take, and how large is it? ``python -m benchmarks.report [--trials 60 1000 10000] [--epochs 81] [--strategy rs]``

A campaign in simulated time writes a real log, with decisions; the record's own code makes the tables. With ``rs`` every
trial trains to the end, the most rows that there can be; with ``asha`` most are stopped at rungs. Then the page is
refreshed alone as a run does while it goes on, written with all figures as files, and opened in Chromium where there is one.
The contract: 10,000 trials of 81 epochs in 20 s and 10 MB, opened in 2 s.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from tests.unit.report import example

from perch.log.events import EventLog
from perch.log.folder import RunFolder
from perch.record import write as write_record
from perch.report import refresh, write
from perch.simulate.curves import PowerLaw
from perch.simulate.simulator import simulate
from perch.space import parse_space
from perch.strategies.plan import Plan
from perch.strategies.registry import build


def simulated(folder: Path, trials: int, epochs: int, strategy: str) -> None:
    """The log and the tables of a run in simulated time."""
    folder.mkdir(parents=True)
    space = parse_space(example.SPACE)
    study = {
        "name": "simulated",
        "space": space.spec(),
        "strategy": strategy,
        "epochs": epochs,
        "budget": {"trials": trials},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    log = EventLog(folder / "events")
    for event in simulate(build(strategy, Plan(space, epochs, trials)), PowerLaw(space), workers=32, epochs=epochs):
        log.append(event)
    log.close()
    write_record(RunFolder(folder))


def in_browser(page: Path) -> dict[str, float] | None:
    """Seconds until the page has loaded, until its table stands, until a chart is drawn, and to filter and sort."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.set_default_timeout(120_000)
        devtools = opened.context.new_cdp_session(opened)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        began_s = time.perf_counter()
        opened.goto(page.as_uri())
        opened.locator("body[data-ready=yes]").wait_for()
        opened.locator("#table tbody tr").first.wait_for()
        found = {"opened": time.perf_counter() - began_s}
        metrics = {m["name"]: m["value"] for m in devtools.send("Performance.getMetrics")["metrics"]}
        found["opened, the page's own thread"] = metrics[
            "TaskDuration"
        ]  # does not grow with what else the machine does
        found |= {f"{name} drawn": _drawn(opened, name) for name in ("learning_curves", "parallel", "contour")}
        began_s = time.perf_counter()
        opened.evaluate("""() => {
          perch.setFilter("state=completed lr<0.01");
          document.querySelector("#table thead th:nth-child(3) button").click();
        }""")
        found["filtered and sorted, charts too"] = time.perf_counter() - began_s
        browser.close()
    return found


def _drawn(opened: Any, name: str) -> float:
    """Seconds from scrolling to a chart until it has been painted."""
    began_s = time.perf_counter()
    opened.evaluate(f"document.getElementById('figure-{name}').scrollIntoView()")
    opened.locator(f'[data-figure="{name}"] canvas').first.wait_for()
    opened.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return time.perf_counter() - began_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[60, 1_000, 10_000])
    parser.add_argument("--epochs", type=int, default=81)
    parser.add_argument("--strategy", default="rs")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for trials in options.trials:
            run = Path(folder) / f"{options.strategy}-{trials}"
            simulated(run, trials, options.epochs, options.strategy)
            print(f"{trials:,} trials of {options.strategy}, at most {options.epochs} epochs each:", flush=True)
            for name, call in (("page alone", refresh), ("page and figures", write)):
                wall_s, cpu_s = time.perf_counter(), time.process_time()
                page = call(run)
                wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
                print(
                    f"  {name}: {wall_s:.1f} s ({cpu_s:.1f} s of CPU), page {page.stat().st_size / 1e6:.2f} MB",
                    flush=True,
                )
            for what, seconds in (in_browser(page) or {}).items():
                print(f"  Chromium, {what}: {seconds:.2f} s", flush=True)


if __name__ == "__main__":
    main()
