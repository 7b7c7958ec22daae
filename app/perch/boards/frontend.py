"""TensorBoard's pages with two changes that no event file can make.

Its HParams page ticks the first five hyperparameters, whatever the files say, and shows every number with five digits, so
that 32 layers read 32.000. Both are constants of its script. Here they are replaced as the script is served; a script that
does not hold them as expected, of another version of TensorBoard, is served as it is.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import cache
from typing import IO, Final

SCRIPT: Final = "index.js"

CHANGES: Final = (
    # which hyperparameters are ticked at first: all, and not the first five by name
    (b"Math.min(5,t.length);for(let i=0;i<n;i++)t[i].displayed=!0", b"t.length;for(let i=0;i<n;i++)t[i].displayed=!0"),
    # how a number is shown: without the zeros behind it
    (b"e.toPrecision(5)", b"String(Number(e.toPrecision(5)))"),
)


def changed(script: bytes) -> bytes:
    """The script with each change that has exactly one place in it."""
    for old, new in CHANGES:
        if script.count(old) == 1:
            script = script.replace(old, new)
    return script


def pages() -> Callable[[], IO[bytes]] | None:
    """What TensorBoard takes as the provider of its pages: a function that opens a ZIP archive of them. None: it has none."""
    from tensorboard.assets import get_default_assets_zip_provider

    original: Callable[[], IO[bytes]] | None = get_default_assets_zip_provider()
    return None if original is None else lambda: io.BytesIO(_archive(original))


@cache
def _archive(original: Callable[[], IO[bytes]]) -> bytes:
    made = io.BytesIO()
    with (
        original() as file,
        zipfile.ZipFile(file) as given,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out,
    ):
        for entry in given.infolist():
            content = given.read(entry)
            out.writestr(entry, changed(content) if entry.filename == SCRIPT else content)
    return made.getvalue()
