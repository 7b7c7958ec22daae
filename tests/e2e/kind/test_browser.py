"""TensorBoard and the report as a person sees them: in a browser, through the port-forward."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kind.bring_up import ROOT
from tests.e2e.kind.kit import Kit, scalars

from perch.clusters.kubernetes.control import Run

pytestmark = [pytest.mark.kind, pytest.mark.browser, pytest.mark.timeout(1800)]
PICTURES = ROOT / "build" / "e2e-kind"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (uv sync)")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on PATH; apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def finished(kit: Kit) -> Kit:
    """A study of four trials, under a path prefix, with TensorBoard in a pod of its own."""
    prefix = "tensorboard.pathPrefix=/board,tensorboard.kind=deployment"
    kit.install("seen", "--set", f"trials=4,{prefix}", "--set-json", 'set={"epochs": 3, "confirm.top": 0}')
    assert kit.finished("seen").succeeded
    return kit


def test_tensorboard_outlives_the_cluster_and_shows_curves(finished: Kit, browser: Any) -> None:
    finished.kubectl("delete", "rayclusters", "--all")
    finished.pod("seen", "tensorboard", seconds=180)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with finished.port_forward("svc/seen-perch-tensorboard", 6006) as board:
        finished.until("scalars", lambda: scalars(f"{board}/board"), seconds=120)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{board}/board/#timeseries")
        page.get_by_text("validation_mae_ev").first.wait_for(timeout=60_000)
        page.screenshot(path=str(PICTURES / "tensorboard.png"))
        assert page.locator("svg, canvas").count() > 0
        page.close()


def test_the_report_opens_with_its_figures(finished: Kit, browser: Any, tmp_path: Path) -> None:
    Run(finished.api_client, "seen", finished.namespace).fetch(tmp_path / "seen")
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((tmp_path / "seen" / "report.html").as_uri())
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(PICTURES / "report.png"), full_page=True)
    assert page.locator("svg, img").count() > 0
    assert "seen" in page.inner_text("body")
    assert errors == []
    page.close()
    finished.helm("uninstall", "seen", "--wait")
