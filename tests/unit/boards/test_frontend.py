"""TensorBoard's own pages, with all hyperparameters ticked and whole numbers whole."""

from __future__ import annotations

import zipfile

from perch.boards.frontend import CHANGES, SCRIPT, changed, pages


def test_the_installed_tensorboard_has_each_constant_once_and_is_served_without_it() -> None:
    provider = pages()
    assert provider is not None
    with provider() as file, zipfile.ZipFile(file) as archive:
        script = archive.read(SCRIPT)
        assert "index.html" in archive.namelist()
    for old, new in CHANGES:
        assert script.count(old) == (1 if old in new else 0), (
            "another version: see whether its HParams page still needs this"
        )
        assert script.count(new) == 1


def test_a_script_that_is_not_as_expected_is_served_as_it_is() -> None:
    unknown = b"e.toPrecision(5) + e.toPrecision(5)"
    assert changed(unknown) == unknown
