"""What Python trainables and programs kept of trials that no longer lead goes as Perch's own weights do."""

from types import SimpleNamespace

from perch.best.prune import prune_weights
from perch.log.folder import RunFolder


def test_what_has_ended_and_no_longer_leads_goes(tmp_path):
    folder = RunFolder(tmp_path)
    for trial in ("00000", "00001", "00002"):
        for place in (folder.weights / trial, folder.program_trials / trial / "best"):
            place.mkdir(parents=True)
            (place / "about.json").touch()
        (folder.weights / f"{trial}.pt").touch()
        (folder.program_trials / trial / "output.log").touch()
    prune_weights(folder, SimpleNamespace(ended={"00000": None, "00001": None}, top={"00001": 0.1}))
    assert sorted(p.name for p in folder.weights.iterdir()) == ["00001", "00001.pt", "00002", "00002.pt"]
    assert sorted(p.parent.name for p in folder.program_trials.glob("*/best")) == ["00001", "00002"]
    assert len(list(folder.program_trials.glob("*/output.log"))) == 3, "logs stay"
