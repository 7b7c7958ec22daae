"""``perch data``: what SOURCE may be, what is printed, and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write
from typer.testing import CliRunner

from perch.cli.data import app
from perch.data.inspect.guess import data_spec
from perch.errors import PerchError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, its cache apart, with a file of crystals and a study of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERCH_CACHE", str(tmp_path / "cache"))
    frames = []
    for k in range(20):
        atoms = bulk("Cu", a=3.5 + 0.02 * k)
        atoms.info = {"gap": float(k**2), "batch": k // 2}
        frames.append(atoms)
    write(tmp_path / "set.extxyz", frames)
    study = "data: {source: extxyz, path: set.extxyz, target: gap, split: {group: batch}}\nspace: {lr: {float: [0.001, 0.1], log: true}}\n"
    (tmp_path / "study.yaml").write_text(study)
    return tmp_path


@pytest.mark.parametrize("source", ["toy", "set.extxyz", "study.yaml"])
def test_inspect_and_build(here: Path, source: str) -> None:
    options = ["--target", "gap", "--group", "batch"] if source == "set.extxyz" else []
    for command, said in (("inspect", "baselines, mean absolute error in eV"), ("build", "graphs of")):
        done = CliRunner().invoke(app, [command, source, *options])
        assert done.exit_code == 0, done.output
        assert said in done.stdout


def test_the_kind_of_a_file_follows_from_its_name(here: Path) -> None:
    (here / "a.db").write_text("x")
    (here / "folder").mkdir()
    kinds = {
        "set.extxyz": "extxyz",
        "a.db": "ase-db",
        "folder": "cif",
        "toy": "toy",
        "https://example.org/b.aselmdb": "ase-db",
    }
    for source, kind in kinds.items():
        settings = {"target": "gap", "checksum": "sha256:" + "0" * 64}
        assert data_spec(source, settings, [])[0].source == kind


def test_options_win_over_the_study_and_settings_over_defaults(here: Path) -> None:
    spec, base = data_spec("study.yaml", {"target": "gap / 2"}, ["data.cutoff_angstrom=5"])
    assert (spec.target, spec.cutoff_angstrom, spec.split.group) == ("gap / 2", 5.0, "batch")
    assert base == here


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("adsorbtion", "is neither a data source nor a file"),
        ("notes.txt", "cannot tell what"),
        ("none.yaml", "cannot read the study"),
    ],
)
def test_what_is_no_source(here: Path, source: str, what: str) -> None:
    (here / "notes.txt").write_text("x")
    with pytest.raises(PerchError, match=what) as caught:
        data_spec(source, {}, [])
    assert caught.value.exit_code == 2
