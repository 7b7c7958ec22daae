"""``perch.Run``: a run's record with what people do to it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from perch import record
from perch.errors import RecordError, did_you_mean
from perch.formatting import configuration, duration

if TYPE_CHECKING:
    import pandas as pd
    from ase import Atoms
    from matplotlib.figure import Figure


class Run(record.Run):
    """A run: its tables, its best configuration, its models and its pictures.

    ``folder`` is where it lies, ``study`` what was run, ``summary`` what ``summary.json`` holds. ``trials`` (a row per trial),
    ``curves`` (a row per reported epoch) and ``overheads`` (worker seconds by activity) are data frames, read at the first look;
    energies and errors are in eV, times in seconds, as the ends of names say.

    Example:
        >>> from perch import Run
        >>> found = Run.load("results/first")
        >>> list(found.trials.trial_id)
        ['00000', '00001', '00002']
        >>> found.best["value"] == float(found.trials.best_value.min())
        True
        >>> found.plot_incumbent().savefig("incumbent.png")
        >>> energies = found.predict("structures.extxyz")
        >>> list(energies.columns)
        ['id', 'formula', 'energy_ev', 'deviation_ev', 'distance', 'warnings']
    """

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """Open a run's folder, also one that was interrupted or is under way. Raises RecordError for what is none."""
        found = record.load(path)
        return cls(found.folder, found.summary, found.study)

    def predict(
        self, structures: str | Path | Atoms | Sequence[Atoms], *, top: int | None = None, allow_unseen: bool = False,
        device: str = "auto",
    ) -> pd.DataFrame:  # fmt: skip
        """Energies of new structures by the run's best models, a row each.

        Args:
            structures: a file that ASE reads, or structures.
            top: how many of the best models; None: all that were kept.
            allow_unseen: predict also for elements that were not trained on.
            device: ``auto``, ``cpu`` or ``cuda``.

        Returns:
            ``id``, ``formula``, ``energy_ev`` (the mean over models), ``deviation_ev`` (their standard deviation, NaN for one),
            ``distance`` (from the training set; above 2 is far) and ``warnings``.

        Raises DataError for what cannot be read and for unseen elements, RecordError where the run left no models.
        """
        import pandas as pd

        from perch.predict.predict import predict, predict_atoms_with

        if isinstance(structures, (str, Path)):
            rows, _ = predict(self.folder, Path(structures), top=top, allow_unseen=allow_unseen, device=device)
        else:
            atoms = list(structures) if isinstance(structures, (list, tuple)) else [structures]
            rows = predict_atoms_with(self.folder, atoms, top=top, allow_unseen=allow_unseen, device=device)
        return pd.DataFrame([one.__dict__ for one in rows])

    def plot(self, name: str) -> Figure:
        """One of the report's figures by its name, as matplotlib's. Raises RecordError for a name that is none, or a figure without data."""
        from perch.report.drawing import NotDrawn, draw
        from perch.report.figure import FIGURES
        from perch.report.report_data import gather

        if name not in FIGURES.names():
            raise RecordError(
                f"no figure is called '{name}'", why=did_you_mean(name, FIGURES.names()), fix="name one of these"
            )
        drawn = draw(name, gather(self))
        if isinstance(drawn, NotDrawn):
            raise RecordError(
                f"the run '{self.id}' has no figure '{name}'",
                why=drawn.reason,
                fix="see the report for those that it has",
            )
        picture: Figure = drawn.picture
        return picture

    def plot_incumbent(self) -> Figure:
        """The best value so far over consumed time."""
        return self.plot("incumbent")

    def plot_learning_curves(self) -> Figure:
        """Every trial's value over its epochs, coloured by what became of it."""
        return self.plot("learning_curves")

    def plot_hyperparameters(self) -> Figure:
        """Value against each hyperparameter."""
        return self.plot("hyperparameters")

    def plot_rungs(self) -> Figure:
        """How many trials reached each rung, and how many went on."""
        return self.plot("rungs")

    def plot_parity(self) -> Figure:
        """Predicted against given energies of the test set, in eV."""
        return self.plot("parity")

    def _repr_html_(self) -> str:
        """What a notebook shows: the best trial, and how the budget was used."""
        summary, best = self.summary, self.best
        rows = [
            ("strategy", f"{summary['strategy']}, seed {summary['seed']}"),
            ("trials", f"{summary['trials']}, {summary['failed']} failed, {duration(summary['wall_s'])}"),
        ]
        if best is not None:
            rows += [
                (self.study.metric, f"{best['value']:.4g} (trial {best['trial_id']}, epoch {best['epoch']})"),
                ("configuration", configuration(best["config"])),
            ]
        if (winner := self.winner) is not None:
            rows.append(("winner after confirmation", f"trial {winner['trial_id']}: {configuration(winner['config'])}"))
        rows.append(("folder", str(self.folder)))
        body = "".join(f"<tr><th style='text-align:left'>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
        return f"<table><caption><b>{escape(self.id)}</b></caption>{body}</table>"
