"""How long does a report take, and how large is it? ``python benchmarks/report.py [--trials 10000] [--epochs 81]``

Makes up a run in which every trial trains to the end (the most rows there can be), writes its report with all figures
as files, refreshes the page alone as a run does while it goes on, and opens the page in Chromium where there is one.
The contract: 10,000 trials of 81 epochs in 20 s and 10 MB.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

from tests.unit.report import example

from perch.report import refresh, write


def seconds_in_browser(page: Path) -> tuple[float, float] | None:
    """Seconds to open the page, and to filter and sort its table; None where there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        began_s = time.perf_counter()
        opened.goto(page.as_uri())
        opened.locator("#table tbody tr").first.wait_for()
        open_s = time.perf_counter() - began_s
        began_s = time.perf_counter()
        opened.evaluate("""() => {
          const query = document.getElementById("query");
          query.value = "state=completed lr<0.01";
          query.dispatchEvent(new Event("input"));
          document.querySelector("#table thead th:nth-child(3) button").click();
        }""")
        table_s = time.perf_counter() - began_s
        browser.close()
    return open_s, table_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=81)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        run = example.write_run(Path(folder) / "run", trials=options.trials, epochs=options.epochs, eta=None)
        for name, call in (("refresh (page alone)", refresh), ("report (page and figures)", write)):
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            page = call(run)
            wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
            print(f"{name}: {wall_s:.1f} s ({cpu_s:.1f} s of CPU), page {page.stat().st_size / 1e6:.2f} MB", flush=True)
        if (found := seconds_in_browser(page)) is not None:
            print(f"Chromium: opened in {found[0]:.2f} s, table filtered and sorted in {found[1] * 1000:.0f} ms")


if __name__ == "__main__":
    main()
