"""What can be seen of a study before it is sent: only its file and the modules of ``--code`` travel to the cluster."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from perch.clusters.kubernetes.errors import NothingStarted
from perch.study import Study


def check(study: Study, code: Mapping[str, str], standing: bool = False) -> Iterator[str]:
    """Yield a line for everything that only the cluster can tell. Raises NothingStarted for what cannot work there."""
    program = study.program
    if program is not None:
        if program.template is not None and program.template_text is None and not Path(program.template).is_absolute():
            raise _stays("trainable.template", program.template)
        yield f"unchecked: the program '{program.words[0] if program.words else program.preset}', which the image or a mounted claim must hold"
    elif ":" in study.trainable_name:
        yield from _module(study.trainable_name, code, standing)
    path = study.data.path
    if path is not None and "://" not in path:
        if not Path(path).is_absolute():
            raise _stays("data.path", path)
        yield f"unchecked: data.path '{path}', which must be there in the pods"


def _stays(key: str, path: str) -> NothingStarted:
    return NothingStarted(
        f"{key}: '{path}' stays on this machine",
        why="only the study file is sent, so that a relative path leads nowhere in the pods",
        fix="name its absolute path in the pods: in the image, or on a claim that the chart mounts (data.existingClaim)",
    )


def _module(trainable: str, code: Mapping[str, str], standing: bool) -> Iterator[str]:
    """The module is parsed, not imported: what it needs may be in the image alone."""
    module, _, name = trainable.partition(":")
    text = code.get(f"{module}.py")
    if text is None:
        if code:
            raise NothingStarted(
                f"--code holds no '{module}.py'",
                why=f"the study's trainable is '{trainable}'; there are: {', '.join(code)}",
                fix="name the folder that it lies in, or correct the trainable",
            )
        where = "the standing cluster's image" if standing else "the image (--code sends a folder of modules)"
        yield f"unchecked: the trainable '{trainable}', which must be in {where}"
        return
    try:
        tree = ast.parse(text, f"{module}.py")
    except SyntaxError as error:
        raise NothingStarted(f"'{module}.py' is no Python", why=str(error), fix="correct that line") from error
    if name not in set(_names(tree)) and not any(
        isinstance(part, ast.ImportFrom) and part.names[0].name == "*" for part in tree.body
    ):
        raise NothingStarted(
            f"'{module}.py' has no '{name}'",
            why=f"the study's trainable is '{trainable}'; it defines: {', '.join(sorted(set(_names(tree)))) or 'nothing'}",
            fix="correct the trainable's name",
        )
    yield f"unchecked: what '{module}.py' imports, which the image must hold"


def _names(tree: ast.Module) -> Iterator[str]:
    for part in tree.body:
        if isinstance(part, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield part.name
        elif isinstance(part, ast.Assign):
            yield from (target.id for target in part.targets if isinstance(target, ast.Name))
        elif isinstance(part, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in part.names)
