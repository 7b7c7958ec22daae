"""What 'perch slurm script' looks at before anything is queued."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perch.clusters.slurm.checks import check
from perch.clusters.slurm.job import Job, job_for
from perch.clusters.slurm.site import Site
from perch.errors import PerchError
from perch.study import load

OWN = """
name: own
trainable: {trainable}
space: {{x: {{float: [0, 1]}}}}
metric: loss
strategy: rs
epochs: 3
budget: {{trials: 2}}
"""
PROGRAM = """
name: program
trainable:
  command: [{program}, "{{config}}"]
  template: input.yaml
  metrics: {{format: regex, pattern: 'epoch (?P<epoch>\\d+) loss (?P<loss>\\S+)'}}
space: {{lr: {{float: [0.001, 0.1]}}}}
metric: loss
epochs: 3
budget: {{trials: 2}}
"""


def looked(study: Path, site: Site | None = None, *, code: Path | None = None, container: bool = False) -> list[str]:
    """The lines of the look at a study."""
    job: Job = job_for(study, time="8h", code=code)
    environment = {"APPTAINER_CONTAINER": "/perch.sif"} if container else {}
    return list(check(job, site or Site(), load(study), environment))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study with a trainable of its own, in the folder ``code``; not imported yet."""
    monkeypatch.delitem(sys.modules, "checked_by_slurm", raising=False)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "checked_by_slurm.py").write_text("def train(config):\n    pass\n")
    (tmp_path / "study.yaml").write_text(OWN.format(trainable="checked_by_slurm:train"))
    return tmp_path / "study.yaml"


def test_a_trainable_is_imported_from_the_code_folder(own: Path) -> None:
    assert looked(own, code=own.parent / "code") == []
    assert str(own.parent / "code") not in sys.path


def refusals(own: Path) -> dict[str, tuple[Site, Path | None, str]]:
    """What is wrong, and the words for it."""
    code = own.parent / "code"
    return {
        "sif": (Site(sif="/tmp/no.sif"), code, "the SIF '/tmp/no.sif' is not there"),
        "bind": (Site(binds=("/tmp/no-folder:/data",)), code, "a bound folder '/tmp/no-folder' is not there"),
        "code": (Site(), own.parent / "none", "the code folder"),
        "code is a file": (Site(), own, "it is a file"),
        "trainable": (Site(), own.parent, f"--code names {own.parent}"),
    }


@pytest.mark.parametrize("case", ["sif", "bind", "code", "code is a file", "trainable"])
def test_what_is_missing_is_refused_with_its_name(own: Path, case: str) -> None:
    site, code, said = refusals(own)[case]
    with pytest.raises(PerchError) as caught:
        looked(own, site, code=code)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_data_that_is_not_there_is_refused(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text("name: x\ndata: {source: ase-db, path: none.db}\nepochs: 3\nbudget: {trials: 4}\n")
    with pytest.raises(PerchError, match=r"none\.db. does not exist"):
        looked(study)


@pytest.mark.parametrize(("program", "template", "said"), [
    ("/no/such/program", "lr: 0.01\n", "'/no/such/program' cannot be run"),
    ("/bin/true", "rate: 0.01\n", "lr"),
])  # fmt: skip
def test_a_program_and_its_template_are_looked_at(tmp_path: Path, program: str, template: str, said: str) -> None:
    (tmp_path / "study.yaml").write_text(PROGRAM.format(program=program))
    (tmp_path / "input.yaml").write_text(template)
    with pytest.raises(PerchError) as caught:
        looked(tmp_path / "study.yaml")
    assert said in str(caught.value)


def test_a_programs_template_and_environment_are_shown_to_the_nodes(tmp_path: Path) -> None:
    program = tmp_path / "envs" / "mace" / "bin" / "train"
    program.parent.mkdir(parents=True)
    program.symlink_to("/bin/true")
    (program.parent.parent / "pyvenv.cfg").touch()
    (tmp_path / "study.yaml").write_text(PROGRAM.format(program=program))
    (tmp_path / "input.yaml").write_text("lr: 0.01\n")
    needed = job_for(tmp_path / "study.yaml", time="8h").needed
    assert needed == tuple(str(tmp_path / name) for name in ("study.yaml", "input.yaml", "envs/mace"))
    assert looked(tmp_path / "study.yaml") == []


def test_files_that_the_template_names_are_shown_to_the_nodes(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(PROGRAM.format(program="/bin/true"))
    (tmp_path / "input.yaml").write_text(
        f"lr: 0.01\ntrain: train.xyz\nvalid: [{tmp_path}/valid.xyz]\ntest: absent.xyz\n"
    )
    for name in ("train.xyz", "valid.xyz"):
        (tmp_path / name).touch()
    needed = job_for(tmp_path / "study.yaml", time="8h").needed
    assert needed == tuple(str(tmp_path / name) for name in ("study.yaml", "input.yaml", "train.xyz", "valid.xyz"))


def test_an_environment_that_cannot_be_seen_from_here_is_shown_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(PROGRAM.format(program="/no-such-mount/envs/mace/bin/train"))
    (tmp_path / "input.yaml").write_text("lr: 0.01\n")
    assert job_for(tmp_path / "study.yaml", time="8h").needed[-1] == "/no-such-mount/envs/mace"
    hidden, _ = looked(tmp_path / "study.yaml", container=True)
    assert hidden == "unchecked: '/no-such-mount/envs/mace' cannot be seen in this container"


def test_what_a_container_does_not_show_is_said_to_be_unchecked(own: Path) -> None:
    lines = looked(own, Site(sif="/no-such-mount/perch.sif"), code=Path("/no-such-mount/code"), container=True)
    assert len(lines) == 3
    assert all(line.startswith("unchecked: ") for line in lines)
    with pytest.raises(PerchError, match="is not there"):
        looked(own, Site(sif="/tmp/perch-no.sif"), container=True)


def test_a_package_that_only_the_image_has_is_no_reason_to_refuse(own: Path) -> None:
    module = own.parent / "code" / "needs_more.py"
    module.write_text("import a_package_of_the_image\n")
    own.write_text(OWN.format(trainable="needs_more:train"))
    [line] = looked(own, code=own.parent / "code")
    assert line == "unchecked: the trainable imports 'a_package_of_the_image', which only the image may have"
    with pytest.raises(PerchError, match="cannot be imported"):
        looked(own, code=own.parent / "code", container=True)
