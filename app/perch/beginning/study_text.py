"""A study of a user's own structures as commented text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perch import yaml12
from perch.beginning.questions import Answers

SPACE = (
    ("atom_embedding_size", "{int: [16, 96], log: true}", "width of an atom's vector"),
    ("num_graph_conv_layers", "{int: [1, 5]}", "more layers see further, and learn more slowly"),
    ("fc_feat_size", "{int: [16, 128], log: true}", "width of the layers after pooling"),
    ("num_fc_layers", "{int: [1, 3]}", ""),
    ("lr", "{float: [5e-4, 2e-2], log: true}", "learning rate"),
    ("batch_size", "{choice: [8, 16, 32, 64]}", "structures per step"),
    ("lr_schedule", "{choice: [constant, cosine]}", ""),
    ("ema_decay", "{choice: [0.0, 0.99]}", "a running average of the weights, or none"),
    ("clip_norm", "{choice: [0.0, 1.0]}", "gradients shortened to this norm, or left as they are"),
)


def study_text(answers: Answers, source: str, path: str) -> str:
    """The study file; ``path`` is relative to where it will lie. ``answers`` are complete."""
    return "\n".join(_lines(answers, source, path)) + "\n"


def adsorbate(text: str | None) -> dict[str, Any] | None:
    """``data.adsorbate`` of a study: ``ase``, ``ocp`` and ``gaspy`` are conventions of tags, anything else symbols."""
    if text is None or text.strip().lower() in ("", "none"):
        return None
    words = [word.strip() for word in text.split(",") if word.strip()]
    return {"tags": words[0]} if words[0] in ("ase", "ocp", "gaspy") else {"symbols": words}


def budget(text: str) -> dict[str, Any]:
    """``budget`` of a study: a number is a number of trials, anything else a time."""
    return {"trials": int(text)} if text.strip().isdecimal() else {"time": text.strip()}


def _lines(answers: Answers, source: str, path: str) -> Iterator[str]:
    how = adsorbate(answers.adsorbate)
    yield f"# A study of {path}. Run it: perch run FILE. Every key: docs/reference/study-file.md"
    yield f"name: {_flow(answers.name)}"
    yield "data:"
    yield f"  source: {source}"
    yield f"  path: {_flow(path)}   # relative to this file"
    yield f"  target: {_flow(answers.target)}   # in eV: a key of the data, or an expression over keys"
    if how is None:
        yield "  # adsorbate: {tags: ase}   # or {symbols: [O, H]}: splits then keep a slab on one side, and pooling can be searched"
    else:
        yield f"  adsorbate: {_flow(how)}   # these atoms; splits keep a slab with all its adsorbates on one side"
    yield "  split: {train: 0.7, validation: 0.15, test: 0.15, group: auto}   # group: auto, none, formula, or a key"
    yield "space:   # what is searched; a single value fixes a key"
    pooling = (
        [("pooling", "{choice: [mean, adsorbate]}", "over all atoms, or over the adsorbate's")]
        if how is not None
        else []
    )
    for key, spec, comment in [*SPACE, *pooling]:
        yield f"  {key}: {spec}" + (f"   # {comment}" if comment else "")
    yield "strategy: asha   # stops trials that fall behind; 'perch strategies' lists the others, 'perch advise' names one"
    yield "epochs: 81   # most that one trial may train"
    yield f"budget: {_flow(budget(str(answers.budget)))}   # the search ends then: {{trials: 60}}, {{time: 8h}}, or both"
    yield "confirm: {top: 5, seeds: 3}   # the best are trained again with fresh seeds before one is named"


def _flow(value: Any) -> str:
    return yaml12.dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
