"""Which checkpoint files are whole."""

import io
import zipfile

import pytest

from perch.programs.checkpoints import whole


def archive(members):
    """A zip archive of stored members, as torch writes them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def checkpoint(tmp_path):
    """A file with a content."""

    def write(content):
        path = tmp_path / "model.ckpt"
        path.write_bytes(content)
        return path

    return write


def test_every_truncation_of_an_archive_that_holds_another_is_found_out(checkpoint):
    """The cut that follows the inner archive leaves a file that ends as an archive does."""
    inner = archive({"extensions": b"y" * 500})
    content = archive({"a": b"x" * 100, "inner.zip": inner, "b": b"x" * 2000})
    after_the_inner = content.index(inner) + len(inner)
    assert zipfile.is_zipfile(io.BytesIO(content[: after_the_inner + 100])), "else this test shows nothing"
    for size in range(0, len(content), 7):
        assert not whole(checkpoint(content[:size]), "zip")
    for size in range(after_the_inner, after_the_inner + 120):
        assert not whole(checkpoint(content[:size]), "zip")
    assert whole(checkpoint(content), "zip")


def test_what_torch_writes_is_whole(checkpoint, tmp_path):
    import torch

    torch.save({"w": torch.zeros(1000), "more": [torch.ones(3)]}, tmp_path / "model.pt")
    content = (tmp_path / "model.pt").read_bytes()
    assert whole(tmp_path / "model.pt", "zip") and not whole(checkpoint(content[: len(content) // 2]), "zip")


def test_what_is_no_archive_or_not_there_is_not_whole(checkpoint, tmp_path):
    assert not whole(checkpoint(b""), "zip") and not whole(checkpoint(b"text"), "zip")
    assert not whole(checkpoint(archive({})), "zip") and not whole(tmp_path / "absent", "zip")
