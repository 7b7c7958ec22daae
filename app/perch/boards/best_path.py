"""The path that led to the best under PBT, copied together from its ancestors' event files as one continuous run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from perch.boards.event_file import FILE_NAME, append, records
from perch.record.ancestry import Parents, Segment, ancestry


def run_name(segment: Segment) -> str:
    """The name of a segment as a TensorBoard run: ``00007``, or ``00007.2`` after two exploits."""
    return segment[0] if segment[1] == 0 else f"{segment[0]}.{segment[1]}"


class BestPath:
    """Keeps ``folder/lineage/<winner>`` equal to the winner's path. A new winner gets a new folder, the old one goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._winner: Segment | None = None
        self._copied = 0

    def update(self, winner: Segment, parents: Parents) -> None:
        """Copy what is new of the winner's path; everything, if the winner is new."""
        if winner != self._winner:
            shutil.rmtree(self._folder / "lineage", ignore_errors=True)
            self._winner, self._copied = winner, 0
        path = list(self._scalars(winner, parents))
        if len(path) > self._copied:
            first = self._first(winner) if self._copied == 0 else []
            file = self._folder / "lineage" / run_name(winner) / FILE_NAME
            append(file, [*first, *path[self._copied :]])
            self._copied = len(path)

    def _first(self, segment: Segment) -> list[bytes]:
        return [next(records(self._source(segment)))]

    def _scalars(self, winner: Segment, parents: Parents) -> Iterator[bytes]:
        from tensorboard.compat.proto.event_pb2 import Event

        for segment, until in ancestry(winner, parents):
            if not self._source(segment).exists():
                continue
            for record in records(self._source(segment)):
                event = Event.FromString(record)
                is_scalar = any(v.WhichOneof("value") == "simple_value" for v in event.summary.value)
                if is_scalar and (until is None or event.step <= until):
                    yield record

    def _source(self, segment: Segment) -> Path:
        return self._folder / "trials" / run_name(segment) / FILE_NAME
