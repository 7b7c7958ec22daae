"""Event files: appended to at every flush, read back whole after a kill, and what TensorBoard itself reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.tensorflow_stub.errors import OutOfRangeError
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

from perch.boards.event_file import append, records, repair


def read_by_tensorboard(file: Path) -> list[bytes]:
    """Every record, its checksums looked at."""
    reader, found = PyRecordReader_New(str(file)), []
    while True:
        try:
            reader.GetNext()
        except OutOfRangeError:
            return found
        found.append(reader.record())


@given(st.lists(st.lists(st.binary(max_size=60), max_size=5), max_size=4))
def test_what_is_appended_is_read_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]]
) -> None:
    file = tmp_path_factory.mktemp("file") / "deep" / "events"
    for batch in batches:
        append(file, batch)
    written = [record for batch in batches for record in batch]
    assert (list(records(file)) if file.exists() else []) == written
    assert (read_by_tensorboard(file) if file.exists() else []) == written


def test_a_torn_tail_is_left_out_and_cut_off_before_the_file_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "events"
    append(file, [b"first", b"second"])
    whole = file.read_bytes()
    for cut in range(1, 22):
        file.write_bytes(whole[:-cut])
        assert list(records(file)) == [b"first"]
        assert repair(file) == {b"first"}
        append(file, [b"third"])
        assert read_by_tensorboard(file) == [b"first", b"third"]
