"""Rows of curves: however many are converted at a time, the table is the one that all of them at once would make."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perch.record import curves as module
from perch.record.columns import array
from perch.record.curves import Curves

VALUES = st.one_of(st.integers(-3, 3), st.floats(-1, 1), st.sampled_from(["a", "constant"]), st.booleans(), st.none())
CONFIGS = st.dictionaries(st.sampled_from(["lr", "width", "kind"]), VALUES, max_size=3)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["cpu (1 thread)", "cuda:0 (A)", None]),
        st.dictionaries(
            st.sampled_from(["validation_mae_ev", "f1", "rung"]), st.integers(0, 9) | st.none(), max_size=3
        ),
    ),
    max_size=30,
)


@given(configs=st.lists(CONFIGS, min_size=4, max_size=4), rows=ROWS, chunk=st.integers(1, 8))
def test_the_table_does_not_depend_on_how_many_rows_are_converted_at_a_time(configs, rows, chunk):
    made, whole = Curves(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_ROWS", chunk)
        for n, (which, device, metrics) in enumerate(rows):
            row = {"trial_id": f"{which:05d}", "epoch": n, "device": device, **metrics, "config": configs[which]}
            made.add(row)
            whole.append(row)
            if n % 7 == 3:
                list(made.tables())  # a look in between changes nothing
    names = dict.fromkeys(name for row in whole for name in row)
    assert made.rows == len(whole) and all(name in made for name in names)
    assert dict(made.devices) == {d: sum(r["device"] == d for r in whole) for d in {r["device"] for r in whole} if d}
    if not whole:
        assert list(made.tables()) == []
        return
    found = pa.concat_tables(made.tables())
    wanted = pa.table({name: array(name, [row.get(name) for row in whole]) for name in names})
    assert found.schema == wanted.schema
    assert found.to_pylist() == wanted.to_pylist()
