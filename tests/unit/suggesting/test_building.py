"""Dragonfly's environment is built from files that a wheel holds, outside of any checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from perch.errors import StrategyError
from perch.suggesting import building, dragonfly

ROOT = Path(__file__).parents[3]


def test_the_wheel_holds_every_file_of_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert held == {
        f"app/dragonfly/{name}": f"perch/suggesting/dragonfly_environment/{name}" for name in building.FILES
    }
    there = {p.name for p in (ROOT / "app" / "dragonfly").iterdir() if p.suffix in (".py", ".toml", ".lock")}
    assert there == set(building.FILES)


def test_it_is_copied_synchronised_tried_and_then_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str]) -> None:
        commands.append(command)
        (tmp_path / "perch" / "dragonfly" / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "perch" / "dragonfly" / ".venv" / "bin" / "python").touch()

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(building, "_run", run)
    made = building.build(lambda text: None)
    assert made == tmp_path / "perch" / "dragonfly" / ".venv" / "bin" / "python"
    assert {p.name for p in made.parents[2].iterdir() if p.is_file()} == set(building.FILES)
    words = [" ".join(command) for command in commands]
    assert (
        "-m venv" in words[0]
        and building.UV in words[1]
        and "sync --frozen" in words[2]
        and words[3].endswith("import dragonfly")
    )
    assert dragonfly.server(made) in (ROOT / "app" / "dragonfly" / "serve.py", made.parents[2] / "serve.py")


def test_a_builder_that_fails_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "uv").write_text("#!/bin/sh\necho no route to host >&2\nexit 2\n")
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(StrategyError, match="could not be built") as caught:
        building.build(lambda text: None)
    assert "no route to host" in caught.value.why and "perch doctor --fix" in caught.value.fix
