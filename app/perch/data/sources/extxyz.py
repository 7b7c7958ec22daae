"""``extxyz``: structures in an extended XYZ file (``.extxyz``, ``.xyz``, also gzipped) or an ASE trajectory (``.traj``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from perch.data.reading.files import entries_of, need_file, reading
from perch.data.reading.select import selected
from perch.data.reading.source import SOURCES, Defaults, Entry, Progress
from perch.data.reading.xyz import SUFFIXES, read_frames

if TYPE_CHECKING:
    from ase import Atoms

    from perch.study import DataSpec

TRAJECTORY = ".traj"


class Extxyz:
    """One file, one structure per frame; an id is the frame's ``id`` or ``name``, else its number."""

    summary = "a file of structures: .extxyz, .xyz (also .gz) or .traj"
    needs_path = True
    defaults = Defaults()

    def check(self, spec: DataSpec, path: Path | None) -> None:
        """There is a file of a kind that is known."""
        if path is not None:
            need_file(path, spec, [*SUFFIXES, TRAJECTORY])

    def files(self, spec: DataSpec, path: Path | None) -> Iterable[Path]:
        """The file."""
        return [path] if path else []

    def read(self, spec: DataSpec, path: Path | None, progress: Progress | None) -> list[Entry]:
        """Every frame that ``select`` lets through."""
        assert path is not None
        self.check(spec, path)
        frames: list[Atoms] = []
        with reading(path):
            for frame in _frames(path):
                frames.append(frame)
                if progress and len(frames) % 100 == 0:
                    progress("reading structures", len(frames), 0)
        return selected(entries_of(frames, path.stem), spec.select)


def _frames(path: Path) -> Iterator[Atoms]:
    if path.suffix != TRAJECTORY:
        return read_frames(path)
    import ase.io

    trajectory: Iterator[Atoms] = ase.io.iread(str(path), index=":", format="traj", do_not_split_by_at_sign=True)
    return trajectory


SOURCES.register("extxyz", Extxyz())
