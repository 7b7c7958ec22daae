from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.report import example

from perch.report.drawing import Drawn, NotDrawn, draw_all
from perch.report.report_data import ReportData
from perch.report.write import load, write


@pytest.fixture(scope="session")
def asha_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example.write_run(tmp_path_factory.mktemp("runs") / "asha", trials=60, epochs=27)


@pytest.fixture(scope="session")
def pbt_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example.write_pbt_run(tmp_path_factory.mktemp("runs") / "pbt", trials=8, epochs=24)


@pytest.fixture(scope="session")
def asha_drawn(asha: ReportData) -> list[Drawn | NotDrawn]:
    return draw_all(asha)


@pytest.fixture(scope="session")
def asha_page(asha_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(asha_run, tmp_path_factory.mktemp("out put ü"))


@pytest.fixture(scope="session")
def asha(asha_run: Path) -> ReportData:
    return load(asha_run)


@pytest.fixture(scope="session")
def pbt(pbt_run: Path) -> ReportData:
    return load(pbt_run)
