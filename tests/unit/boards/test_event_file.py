from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c as one_by_one

from perch.boards.event_file import append, frame, masked_crc32c, records


@given(st.lists(st.binary(max_size=300), max_size=12))
def test_checksums_of_a_batch_equal_tensorboards_own(batch: list[bytes]) -> None:
    assert masked_crc32c(batch).tolist() == [one_by_one(record) for record in batch]


@given(st.lists(st.lists(st.binary(max_size=60), max_size=5), max_size=4))
def test_what_is_appended_is_read_back_in_order(tmp_path_factory: object, batches: list[list[bytes]]) -> None:
    file = Path(tmp_path_factory.mktemp("file")) / "deep" / "events"  # type: ignore[attr-defined]
    for batch in batches:
        append(file, frame(batch))
    written = [record for batch in batches for record in batch]
    assert (list(records(file)) if file.exists() else []) == written


def test_a_torn_tail_is_left_out(tmp_path: Path) -> None:
    append(tmp_path / "events", frame([b"first", b"second"]))
    whole = (tmp_path / "events").read_bytes()
    for cut in range(1, 22):
        (tmp_path / "events").write_bytes(whole[:-cut])
        assert list(records(tmp_path / "events")) == [b"first"]
