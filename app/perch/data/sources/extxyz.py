"""``extxyz``: structures in an extended XYZ file (``.extxyz``, ``.xyz``, also gzipped) or an ASE trajectory (``.traj``)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from perch.data.reading.files import entries_of, need_file, reading
from perch.data.reading.select import selected
from perch.data.reading.source import SOURCES, Defaults, Entry, Progress

if TYPE_CHECKING:
    from perch.study import DataSpec

FORMATS = {".extxyz": "extxyz", ".xyz": "extxyz", ".traj": "traj"}


class Extxyz:
    """One file, one structure per frame; an id is the frame's ``id`` or ``name``, else its number."""

    summary = "a file of structures: .extxyz, .xyz (also .gz) or .traj"
    needs_path = True
    defaults = Defaults()

    def check(self, spec: DataSpec, path: Path | None) -> None:
        """There is a file of a kind that is known."""
        if path is not None:
            need_file(path, spec, [*FORMATS, ".extxyz.gz", ".xyz.gz"])

    def files(self, spec: DataSpec, path: Path | None) -> Iterable[Path]:
        """The file."""
        return [path] if path else []

    def read(self, spec: DataSpec, path: Path | None, progress: Progress | None) -> list[Entry]:
        """Every frame that ``select`` lets through."""
        import ase.io

        assert path is not None
        self.check(spec, path)
        suffix = Path(path.name.removesuffix(".gz")).suffix
        frames = []
        with reading(path):
            for frame in ase.io.iread(str(path), index=":", format=FORMATS[suffix], do_not_split_by_at_sign=True):
                frames.append(frame)
                if progress and len(frames) % 100 == 0:
                    progress("reading structures", len(frames), 0)
        return selected(entries_of(frames, path.stem), spec.select)


SOURCES.register("extxyz", Extxyz())
