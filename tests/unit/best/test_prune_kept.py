"""What Python trainables and programs kept of trials that no longer lead goes as Perch's own weights do."""

from types import SimpleNamespace

from perch.best.prune import prune_weights
from perch.log.folder import RunFolder
from perch.log.fresh_seeds import FreshSeeds
from perch.log.state import Ended


def test_what_has_ended_and_no_longer_leads_goes(tmp_path):
    folder = RunFolder(tmp_path)
    for trial in ("00000", "00001", "00002"):
        for place in (folder.weights / trial, folder.program_trials / trial / "best"):
            place.mkdir(parents=True)
            (place / "about.json").touch()
        (folder.weights / f"{trial}.pt").touch()
        (folder.program_trials / trial / "output.log").touch()
    ended = {name: Ended("completed", (0.1, 1), "search") for name in ("00000", "00001")}
    prune_weights(
        folder, SimpleNamespace(ended=ended, top={"00001": 0.1}, fresh=FreshSeeds(), phase_of=lambda _: "search")
    )
    assert sorted(p.name for p in folder.weights.iterdir()) == ["00001", "00001.pt", "00002", "00002.pt"]
    assert sorted(p.parent.name for p in folder.program_trials.glob("*/best")) == ["00001", "00002"]
    assert len(list(folder.program_trials.glob("*/output.log"))) == 3, "logs stay"


def test_fresh_seeds_stay_until_their_configuration_is_beaten(tmp_path):
    folder = RunFolder(tmp_path)
    race = FreshSeeds(entrants=["a", "b", "c"], allowance=100, start="a")
    values = {"a": [0.5, 0.51], "b": [0.3, 0.31], "c": [0.9, 0.91]}
    ended = {}
    for of, found in values.items():
        for repeat, value in enumerate(found, 1):
            name = f"confirm-{of}-{repeat}"
            race.place(of, repeat)
            race.end(of, repeat, value, failed=False)
            ended[name] = Ended("completed", (value, 9), "confirm", of)
            (folder.weights / name).mkdir(parents=True)
            (folder.weights / name / "about.json").touch()
    prune_weights(folder, SimpleNamespace(ended=ended, top={}, fresh=race))
    assert sorted(p.name for p in folder.weights.iterdir()) == ["confirm-b-1", "confirm-b-2"]
