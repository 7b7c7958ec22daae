"""The winner's models as an ASE calculator of energies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from perch.predict.ensemble import load_ensemble
from perch.predict.predict import predict_atoms


class EnergyCalculator(Calculator):  # type: ignore[misc]
    """Energies in eV of what the models were trained on (adsorption energies, say); there are no forces.

    ``run``: a run's folder, or that of one model. ``results`` also holds ``energy_deviation`` (eV, NaN for one model) and
    ``distance`` from the training set (``perch.predict.ensemble.Model.distances``). Raises RecordError without a model.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "energy_deviation", "distance"]

    def __init__(self, run: str | Path, device: str = "auto", **options: Any) -> None:
        super().__init__(**options)
        self.models = load_ensemble(Path(run), device=device)

    def calculate(
        self, atoms: Atoms | None = None, properties: Sequence[str] = ("energy",), system_changes: Any = all_changes
    ) -> None:
        """Predict the structure."""
        super().calculate(atoms, properties, system_changes)
        [found] = predict_atoms(self.models, [self.atoms])
        self.results = {"energy": found.energy_ev, "energy_deviation": found.deviation_ev, "distance": found.distance}
