"""A training program with the habits of real ones, in a hundred lines and no dependencies. ``standin.py CONFIG.json``.

Its loss depends on every epoch trained and on the learning rate, so that a wrong checkpoint, or none, shows in the numbers.
The habits are keys of the configuration: ``metrics`` (jsonl, csv, rewritten, print, version), ``first`` (0 or 1),
``line_first`` (the line before the checkpoint), ``delete_first`` (the old checkpoint goes before the new one is there),
``resume`` (folder, key, version), ``swallow`` (a broken checkpoint is ignored in silence), ``term`` (die, ignore, tidy),
``nan_at`` (for rates from ``wild_from`` on), ``huge_at``, ``fail_at``, ``leave_at``, ``fork``, ``skip``, ``backwards_at``, ``epoch_s``.
"""

import json
import os
import signal
import sys
import time
import zipfile
from pathlib import Path


def main() -> None:
    config = {
        "metrics": "jsonl", "first": 0, "line_first": True, "delete_first": False, "resume": "folder", "swallow": True,
        "term": "die", "epoch_s": 0.01, "epochs": 9, "lr": 0.1, "seed": 0, "checkpoint_s": 0.0, "repeat": False,
        **json.loads(Path(sys.argv[1]).read_text()),
    }  # fmt: skip
    habits(config)
    if config.get("fork") and os.fork():
        return
    state = {"epoch": 0, "w": 0.0}
    found = checkpoint_of(config)
    if found is not None:
        print(f"Loading checkpoint {found}", flush=True)
        try:
            with zipfile.ZipFile(found) as archive:
                state = json.loads(archive.read("state.json"))
        except (zipfile.BadZipFile, OSError):
            if not config["swallow"]:
                raise
    out = Metrics(config)
    if config["repeat"] and state["epoch"] > 0:
        state = {"epoch": state["epoch"] - 1, "w": state["w"] - gain(config, state["epoch"])}
    for epoch in range(state["epoch"] + 1, int(config["epochs"]) + 1):
        time.sleep(config["epoch_s"])
        if epoch == config.get("fail_at"):
            raise RuntimeError(config.get("says", "CUDA error: device-side assert"))
        if epoch == config.get("leave_at"):
            return
        state = {"epoch": epoch, "w": state["w"] + gain(config, epoch)}
        loss = 1 / (1 + state["w"])
        if epoch >= config.get("nan_at", 1e9) and float(config["lr"]) >= config.get("wild_from", 0):
            loss = float("nan")
        elif epoch >= config.get("huge_at", 1e9):
            loss = 1e12
        if not config["line_first"]:
            save(config, state)
        if epoch % int(config.get("every", 1)) == 0:
            shown = epoch - 1 + config["first"] - (2 if epoch == config.get("backwards_at") else 0)
            out.write(shown, loss)
        if config["line_first"]:
            save(config, state)


def gain(config: dict, epoch: int) -> float:
    """What one epoch adds: the best rate is 0.3, and the seed matters a little."""
    return 1 / (1 + 8 * abs(float(config["lr"]) - 0.3)) + 1e-4 * ((int(config["seed"]) * 31 + epoch) % 7)


def habits(config: dict) -> None:
    if config["term"] == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif config["term"] == "tidy":

        def tidy(*_) -> None:
            time.sleep(0.3)
            os._exit(0)

        signal.signal(signal.SIGTERM, tidy)


def checkpoint_of(config: dict) -> Path | None:
    """By the habit: the newest in the folder, or the one that a key names."""
    if config["resume"] == "key":
        return Path(config["continue"]) if config.get("continue") else None
    found = sorted(Path("checkpoints").glob("epoch-*.pt"), key=lambda p: int(p.stem.split("-")[1]))
    return found[-1] if found else None


def save(config: dict, state: dict) -> None:
    folder = Path("checkpoints")
    folder.mkdir(exist_ok=True)
    old = list(folder.glob("epoch-*.pt"))
    if config["delete_first"]:
        for path in old:
            path.unlink()
    time.sleep(config["checkpoint_s"])
    name = "last.pt" if config.get("one_file") else f"epoch-{state['epoch'] - 1 + config['first']}.pt"
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("state.json", json.dumps(state))
        archive.writestr("weights", b"x" * 1000)


class Metrics:
    """Where the numbers go."""

    def __init__(self, config: dict) -> None:
        self.kind = config["metrics"]
        self.rows: list[dict] = []
        self.path = Path({"jsonl": "results.txt", "csv": "lc.csv", "rewritten": "metrics.csv"}.get(self.kind, "none"))
        if self.kind == "version":
            number = len(list(Path().glob("version_*")))
            self.path = Path(f"version_{number}") / "metrics.csv"
            self.path.parent.mkdir()

    def write(self, epoch: int, loss: float) -> None:
        if self.kind == "print":
            print(f"epoch {epoch} loss {loss!r}", flush=True)
        elif self.kind == "jsonl":
            with self.path.open("a") as file:
                file.write(json.dumps({"mode": "opt", "epoch": epoch, "loss": 9.0}) + "\n")
                file.write(json.dumps({"mode": "eval", "epoch": epoch, "loss": loss, "mev": 1000 * loss}) + "\n")
        elif self.kind == "csv":
            new = not self.path.exists()
            with self.path.open("a") as file:
                file.write(("epoch,loss\n" if new else "") + f"{epoch},{loss!r}\n")
        else:  # Lightning's habit: a column that appears later has the file written anew; rows are sparse
            self.rows += [{"epoch": epoch, "train": 1.0, "loss": ""}, {"epoch": epoch, "train": "", "loss": repr(loss)}]
            names = ["epoch", "train"] + (["extra"] if len(self.rows) > 4 else []) + ["loss"]
            with self.path.open("w") as file:
                file.write(",".join(names) + "\n")
                for row in self.rows:
                    file.write(",".join(str(row.get(n, "")) for n in names) + "\n")
                    file.flush()


if __name__ == "__main__":
    main()
