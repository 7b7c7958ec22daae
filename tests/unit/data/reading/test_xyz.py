"""Every frame of an extended XYZ file is read, or an error names file and line; never silently fewer."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perch.data.prepare import prepare
from perch.data.reading.xyz import read_frames
from perch.errors import DataError
from perch.predict.predict import read_structures
from perch.study import DataSpec

CASES = Path(__file__).parents[4].parent / "shared" / "cases"
HEAD = 'Lattice="4 0 0 0 4 0 0 0 12" Properties=species:S:1:pos:R:3 pbc="T T F"'


def frame(k: int, atoms: int = 2, keys: str = "") -> str:
    body = "".join(f"Cu 0 {0.5 * n:.1f} {3 + 0.1 * k:.2f}\n" for n in range(atoms))
    return f"{atoms}\n{HEAD} e={k} {keys}\n{body}"


def read(folder: Path, text: str, name: str = "set.extxyz") -> list:
    (folder / name).write_text(text, encoding="utf-8")
    return list(read_frames(folder / name))


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=8), st.booleans())
@settings(deadline=None)
def test_every_frame_is_read_whatever_blank_lines_lie_between(tmp_path_factory, frames, ended):
    text = "".join(frame(k, atoms) + "\n" * blank for k, (atoms, blank) in enumerate(frames))
    found = read(tmp_path_factory.mktemp("xyz"), text if ended else text.rstrip("\n"))
    assert [(atoms.info["e"], len(atoms)) for atoms in found] == [
        (k, atoms) for k, (atoms, _blank) in enumerate(frames)
    ]


@given(st.data())
@settings(deadline=None)
def test_what_is_cut_anywhere_is_the_frames_before_or_an_error(tmp_path_factory, data):
    """A file that ends early holds whole frames only where it was cut between two, or within the last number of one."""
    text = "".join(frame(k) for k in range(3))
    cut = data.draw(st.integers(1, len(text) - 1))
    ends = {len("".join(frame(k) for k in range(n))) for n in (1, 2, 3)}
    try:
        found = read(tmp_path_factory.mktemp("xyz"), text[:cut])
    except DataError as error:
        assert "set.extxyz, line" in error.what
    else:
        assert (
            any(len(found) == n and cut >= len("".join(frame(k) for k in range(n))) - 5 for n in (1, 2, 3))
            or cut in ends
        )


@pytest.mark.parametrize(
    ("text", "what", "why"),
    [
        (frame(0) + frame(1) + "some words\n", "line 9: no frame begins here", "some words"),
        (frame(0) + frame(1)[:-12], "line 8: frame 1 cannot be read", "4 columns"),
        (frame(0) + "2\n" + HEAD + "\nCu 0 0 3\n", "line 5: frame 1 cannot be read", "the file ends after 1"),
        (frame(0).replace("2\n", "3\n", 1) + frame(1), "line 5: frame 0 cannot be read", "it has 3 atoms"),
        (frame(0).replace("2\n", "1\n", 1) + frame(1), "line 4: no frame begins here", "frame 0 before it may hold more atoms"),
        (frame(0) + frame(1).replace("Cu 0 0.5 3.10", "Cu 0 abc 3.10"), "line 5: frame 1 cannot be read", "abc"),
        (frame(0).replace("Cu 0 0.0", "D 0 0.0"), "line 3 (frame 0): 'D' (deuterium) is an isotope", "H (1) to Og (118)"),
        (frame(0) + frame(1).replace("Cu 0 0.5", "X 0 0.5"), "line 8 (frame 1): 'X' stands for no element", ""),
        (frame(0).replace("Cu 0 0.0", "Qq 0 0.0"), "line 3 (frame 0): 'Qq' is no element", ""),
        ("3\nplain\nC 0 0 0\nO 0 1\nH 1 0 0\n", "line 4: frame 0 cannot be read", "'O 0 1'"),
        ("-2\n\n", "line 1: no frame begins here", "-2"),
    ],
)  # fmt: skip
def test_an_error_names_the_line(tmp_path, text, what, why):
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert caught.value.what.startswith(f"set.extxyz, {what}")
    assert why in caught.value.why
    assert caught.value.fix


def test_atomic_numbers_of_no_element_name_the_structures_and_the_file(tmp_path):
    strange = frame(1, keys="id=odd").replace("species:S", "Z:I").replace("Cu", "119")
    (tmp_path / "set.extxyz").write_text(frame(0) + strange, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"1 of 2 structures in set\.extxyz hold atoms of an unknown element .*119.*: odd"
    ):
        prepare(DataSpec(source="extxyz", path="set.extxyz", target="e"), base=tmp_path, cache=tmp_path / "cache")


def test_elements_without_features_name_the_structures_and_the_file(tmp_path):
    heavy = frame(1, keys="id=odd").replace("Cu", "Og")
    (tmp_path / "set.extxyz").write_text(frame(0) + heavy + frame(2), encoding="utf-8")
    with pytest.raises(DataError, match=r"no atom features for element 118, in 1 structures of set\.extxyz: odd"):
        prepare(DataSpec(source="extxyz", path="set.extxyz", target="e"), base=tmp_path, cache=tmp_path / "cache")


def test_gzip_byte_order_marks_cell_vectors_and_windows_lines(tmp_path):
    text = "\ufeff1\nno cell\nCu 0 0 0\nVEC1 4 0 0\nVEC2 0 4 0\nVEC3 0 0 12\n\r\n" + frame(1).replace("\n", "\r\n")
    (tmp_path / "set.xyz.gz").write_bytes(gzip.compress(text.encode()))
    first, second = read_frames(tmp_path / "set.xyz.gz")
    assert first.cell.lengths().tolist() == [4, 4, 12]
    assert len(second) == 2


def test_structures_to_predict_are_counted_too(tmp_path):
    (tmp_path / "new.xyz").write_text(frame(0) + "\n" + frame(1), encoding="utf-8")
    assert len(read_structures(tmp_path / "new.xyz")) == 2
    (tmp_path / "new.xyz").write_text(frame(0) + "words\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"new\.xyz, line 5"):
        read_structures(tmp_path / "new.xyz")


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared is not there")
def test_the_case_of_the_blank_line(tmp_path):
    shutil.copy(CASES / "12-blank-line-drops-frames" / "joined.extxyz", tmp_path)
    command = ["data", "inspect", "joined.extxyz", "--target", "e", "--adsorbate", "O", "--group", "none"]
    done = subprocess.run(
        [sys.executable, "-m", "perch.cli.main", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "20" in next(line for line in done.stdout.splitlines() if line.startswith("structures"))
