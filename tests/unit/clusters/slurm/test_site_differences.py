"""What a site or a user differs in: names of knobs, modules, faults of the moment, who submitted what from where."""

from __future__ import annotations

import pytest
from tests.unit.clusters.slurm.fake import FakeSlurm
from tests.unit.clusters.slurm.test_batch import finish, interrupted, job, requeued

from perch.clusters.slurm.knobs import OLD_NAMES
from perch.clusters.slurm.site import Site


@pytest.mark.parametrize("prefix", ["", "PERCH_"])
def test_names_of_earlier_versions_are_read_and_said(slurm: FakeSlurm, prefix: str) -> None:
    elsewhere = slurm.folder / "elsewhere"
    code, output = finish(slurm, job(), **{f"{prefix}OUT": str(elsewhere)})
    assert code == 0
    assert (elsewhere / "demo.slurm").is_dir()
    assert ("OUT is read as PERCH_OUT" in output) == (prefix == "")


def test_the_name_with_the_prefix_counts_where_both_are_set(slurm: FakeSlurm) -> None:
    finish(slurm, job(), OUT="/proc/nowhere", PERCH_OUT=str(slurm.folder / "mine"))
    assert (slurm.folder / "mine" / "demo.slurm").is_dir()


def test_every_knob_has_the_prefix() -> None:
    script = job()
    assert all(f"PERCH_{name}" in script for name in OLD_NAMES if name != "STUDY_LIST")


MODULE = """
module() { # as Environment Modules write it: variables that are not set, commands that fail
  [[ -n $NEVER_SET ]]
  false
  [[ $2 != no/such ]]
}
export -f module
"""


@pytest.mark.parametrize(("name", "code"), [("apptainer/1.3", 0), ("no/such", 2)])
def test_modules_are_loaded_before_strict_mode(slurm: FakeSlurm, name: str, code: int) -> None:
    script = job(site=Site(modules=(name,))).replace("#!/usr/bin/env bash", "#!/usr/bin/env bash\n" + MODULE)
    ended, output = finish(slurm, script)
    assert ended == code
    assert ("'module load' failed: no/such" in output) == (code == 2)


def test_a_fault_of_the_moment_is_tried_once_more_and_is_no_bad_input(slurm: FakeSlurm) -> None:
    flaky = 'if [[ $* == *"; preflight"* && ! -e $HOME/tried ]]; then touch "$HOME/tried"; exit 1; fi\n'
    srun = (slurm.bin / "srun").read_text()
    (slurm.bin / "srun").write_text(srun.replace("\ntasks=1", f"\n{flaky}tasks=1"))
    code, output = finish(slurm, job())
    assert code == 0
    assert "ended with code 1; trying once more" in output


def test_a_fault_that_stays_is_code_1_and_starts_nothing(slurm: FakeSlurm) -> None:
    srun = (slurm.bin / "srun").read_text()
    (slurm.bin / "srun").write_text(srun.replace("\ntasks=1", "\nexit 1\ntasks=1"))
    code, output = finish(slurm, job())
    assert code == 1
    assert "the look at the nodes failed twice" in output
    assert len(slurm.calls("srun")) == 2
    assert slurm.calls("perch") == []


def test_bad_input_is_not_tried_again(slurm: FakeSlurm) -> None:
    assert finish(slurm, job(), PERCH_SIF="/nowhere")[0] == 2
    assert len(slurm.calls("srun")) == 1


def test_the_job_says_whose_run_it_is_wherever_out_was_set(slurm: FakeSlurm) -> None:
    finish(slurm, job(), PERCH_OUT=str(slurm.folder / "with space"), PERCH_RUN_ID="other")
    text = f"Comment=perch:{slurm.folder}/with%20space/other"
    assert f"scontrol update JobId={slurm.job_id} {text}" in slurm.calls("scontrol")


def test_chains_of_equal_names_in_two_folders_do_not_wait_for_each_other(slurm: FakeSlurm) -> None:
    for folder in ("one", "two", "one"):
        slurm.start(job(), "--chain", "1", extra={"SLURM_JOB_ID": "", "PERCH_OUT": str(slurm.folder / folder)}).wait()
    names = [call.split("--job-name=")[1].split()[0] for call in slurm.calls("sbatch")]
    assert names[0] == names[2]
    assert names[0] != names[1]


def test_the_run_is_told_how_it_is_submitted_again(slurm: FakeSlurm) -> None:
    slurm.command("perch", 'echo "again: $PERCH_RESUME_COMMAND"')
    knobs = {"PERCH_OUT": str(slurm.folder / "my results"), "FAKE_COMMAND": "/home/me/my job.sbatch --trials 9"}
    _, output = slurm.start(job(), "--trials", "9", extra=knobs).wait()
    again = f"cd {slurm.folder} && PERCH_OUT={slurm.folder}/my\\ results sbatch /home/me/my\\ job.sbatch --trials 9"
    assert f"again: {again}\n" in output


def test_a_walltime_still_requeues_with_a_knob_of_an_earlier_version(slurm: FakeSlurm) -> None:
    code, _ = interrupted(slurm, job(), 10, MAX_REQUEUES="1")
    assert code == 75
    assert requeued(slurm)
