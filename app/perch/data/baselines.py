"""What needs no neural network: the mean, the mean per adsorbate, and a ridge regression on composition.

A model that loses to the last one has learned nothing that the formula does not say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from perch.data.graphs.graph import Graphs, IntArray, Split

FloatArray = npt.NDArray[np.float64]
NAMES: Final = ("mean", "mean_per_adsorbate", "ridge_composition")
_NOBLE_GASES: Final = (0, 2, 10, 18, 36, 54, 86, 118)
_PENALTIES: Final = tuple(float(10.0 ** (k / 2)) for k in range(-6, 7))
_SHARE_WEIGHT: Final = 0.3


def baselines(
    graphs: Graphs, adsorbates: Sequence[str], groups: Sequence[str], splits: Sequence[Split], sides: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """Mean absolute errors in eV on each side (``validation``, ``test``, a further test set), averaged over folds.

    None where a baseline has no meaning: no adsorbate is named, or the side is empty.
    """
    names = np.array(adsorbates)
    features = composition_features(graphs, names)
    code = np.unique(np.array(groups), return_inverse=True)[1]
    found: dict[str, dict[str, list[float]]] = {side: {name: [] for name in NAMES} for side in sides}
    for split in splits:
        y = graphs.target_ev
        guesses = {
            "mean": np.full(len(y), y[split.train].mean()),
            "mean_per_adsorbate": _mean_per(names, y, split.train),
            "ridge_composition": _ridge(features, y, code, split.train),
        }
        for side in sides:
            rows = getattr(split, side) if side in ("validation", "test") else split.tests[side]
            for name, guess in guesses.items():
                if guess is not None and len(rows):
                    found[side][name].append(float(np.abs(guess[rows] - y[rows]).mean()))
    return {
        side: {name: float(np.mean(values)) if values else None for name, values in per_name.items()}
        for side, per_name in found.items()
    }


def composition_features(graphs: Graphs, adsorbates: npt.NDArray[np.str_]) -> Any:
    """What the formula says of a structure, (G, F), sparse: mean group and period of the slab, crossed with the adsorbate.

    The slab is what is not flagged as adsorbate. Group enters up to second order, so that the regression says
    something of elements that it has not seen; each element's own share enters with less weight, for those it has.
    A structure holds few elements and one adsorbate: of 100,000 structures of 82 elements and 20 adsorbates 20 MB are
    kept, where the whole table has 1.5 GB.
    """
    from scipy import sparse

    slab = np.where(_all_adsorbate(graphs), True, ~graphs.adsorbate).astype(float)
    share = _per_structure(graphs, slab)
    elements = np.unique(graphs.numbers)
    share = sparse.diags_array(1.0 / np.add.reduceat(slab, graphs.start[:-1])) @ share
    group, period = group_and_period(elements)
    g, p = (group - 9) / 3, period - 5
    mean_group = share @ g
    slopes = np.column_stack([np.ones(len(graphs)), mean_group, mean_group**2, share @ g**2, share @ p])
    columns = sparse.hstack([sparse.csr_array(slopes), _SHARE_WEIGHT * share], format="csr")
    kinds, kind = np.unique(adsorbates, return_inverse=True)
    if len(kinds) < 2:
        return columns
    row, column = columns.nonzero()
    own = sparse.csr_array(
        (columns[row, column], (row, kind[row] * columns.shape[1] + column)),
        shape=(len(graphs), len(kinds) * columns.shape[1]),
    )
    return sparse.hstack([columns, own], format="csr")


def _per_structure(graphs: Graphs, weights: FloatArray) -> Any:
    """Sums of the atoms' ``weights`` (A,) by element in each structure: (G, elements that occur), sparse."""
    from scipy import sparse

    elements, code = np.unique(graphs.numbers, return_inverse=True)
    table = sparse.csr_array((weights, code, graphs.start), shape=(len(graphs), len(elements)), copy=True)
    table.sum_duplicates()
    table.eliminate_zeros()
    return table


def group_and_period(numbers: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Group (1 … 18, f-block elements 3) and period of elements, each (Z,)."""
    z = np.asarray(numbers, dtype=np.int64)
    period = np.searchsorted(_NOBLE_GASES, z, side="left").astype(float)
    place = z - np.take(_NOBLE_GASES, np.maximum(period.astype(int) - 1, 0))
    length = np.take(np.diff(_NOBLE_GASES), np.maximum(period.astype(int) - 1, 0))
    from_right = 18 - (length - place)
    is_left = place <= 2
    group = np.where(is_left & (z != 2), place, np.maximum(from_right, 3))
    return group.astype(float), period


def ridge_r_squared(x: Any, y: FloatArray) -> float:
    """Share of the variance of ``y`` that a barely penalised linear model of ``x`` explains, on the same rows."""
    total = float(((y - y.mean()) ** 2).sum())
    if total == 0:
        return 0.0
    left = y - _ridge_path(x, y, x, (1e-8,))[:, 0]
    return 1.0 - float(left @ left) / total


def counts(graphs: Graphs) -> Any:
    """Atoms of each element per structure, (G, elements that occur), sparse."""
    return _per_structure(graphs, np.ones(len(graphs.numbers)))


def _mean_per(names: npt.NDArray[np.str_], y: FloatArray, train: IntArray) -> FloatArray | None:
    """The training mean of each structure's adsorbate; the mean of all for one that training has not seen."""
    if not (names != "").any():
        return None
    mean = float(y[train].mean())
    per = {name: float(y[train][names[train] == name].mean()) for name in np.unique(names[train])}
    return np.array([per.get(name, mean) for name in names])


def _ridge(features: Any, y: FloatArray, groups: IntArray, train: IntArray) -> FloatArray:
    """Ridge regression; its penalty is the one that predicts left-out groups of the training rows best."""
    x, goal = features[train], y[train]
    fold = np.unique(groups[train], return_inverse=True)[1] % 5
    error = np.zeros(len(_PENALTIES))
    for k in np.unique(fold):
        inside, outside = fold != k, fold == k
        if inside.any():
            guesses = _ridge_path(x[inside], goal[inside], x[outside], _PENALTIES)
            error += np.abs(guesses - goal[outside][:, None]).sum(0)
    best = _PENALTIES[int(np.argmin(error))]
    return _ridge_path(x, goal, features, (best,))[:, 0]


def _ridge_path(x: Any, y: FloatArray, new: Any, penalties: Sequence[float]) -> FloatArray:
    """Predictions for ``new`` under each penalty, (rows, penalties), from one decomposition. ``x``, ``new``: may be sparse.

    The centre is taken off the products and not off the rows, of which it would leave none sparse.
    """
    centre, level, rows = np.asarray(x.mean(axis=0)).ravel(), float(y.mean()), x.shape[0]
    product = x.T @ x
    product = product if isinstance(product, np.ndarray) else product.toarray()
    values, vectors = np.linalg.eigh(product - rows * np.outer(centre, centre))
    inner = vectors.T @ (x.T @ (y - level))
    shrunk = inner[:, None] / (np.maximum(values, 0)[:, None] + np.array(penalties)[None])
    slopes = vectors @ shrunk
    return np.asarray(level + new @ slopes - centre @ slopes)


def _all_adsorbate(graphs: Graphs) -> npt.NDArray[np.bool_]:
    """Per atom: whether its structure consists of flagged atoms alone."""
    whole = np.logical_and.reduceat(graphs.adsorbate, graphs.start[:-1])
    return np.repeat(whole, np.diff(graphs.start))
