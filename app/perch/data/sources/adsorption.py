"""``adsorption``: the embedded data set, 652 adsorbed systems with a machine-learned potential's energies (not DFT).

Made with SevenNet-l3i5; ``studies/embedded/`` holds the script that makes it anew, and its datasheet.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from perch.data.reading.files import entries_of, refuse_path
from perch.data.reading.select import selected
from perch.data.reading.source import SOURCES, Defaults, Entry, Progress
from perch.study import AdsorbateSpec

if TYPE_CHECKING:
    from perch.study import DataSpec

EMBEDDED = Path(__file__).resolve().parent.parent / "embedded" / "adsorption.extxyz.gz"


class Adsorption:
    """The embedded set: H, C, N, O, CO and OH on 55 slabs of eight metals and their alloys."""

    summary = "embedded: 652 systems, H C N O CO OH on 55 metal slabs; energies of an ML potential, not DFT"
    needs_path = False
    defaults = Defaults(target="adsorption_energy_ev", adsorbate=AdsorbateSpec(tags="ase"), group="slab")

    def check(self, spec: DataSpec, path: Path | None) -> None:
        """It is always there; a path has no meaning."""
        refuse_path(spec, path)

    def files(self, spec: DataSpec, path: Path | None) -> Iterable[Path]:
        """The one file inside the package."""
        return [EMBEDDED]

    def read(self, spec: DataSpec, path: Path | None, progress: Progress | None) -> list[Entry]:
        """Every system, both geometries in it."""
        import ase.io

        text = gzip.decompress(EMBEDDED.read_bytes()).decode()
        frames = ase.io.read(io.StringIO(text), index=":", format="extxyz")
        return selected(entries_of(frames, "adsorption"), spec.select)


SOURCES.register("adsorption", Adsorption())
