from __future__ import annotations

import numpy as np
import pytest

from perch.data.graphs.graph import Graphs


@pytest.fixture
def random_graphs():
    """Graphs of random sizes with short lists of random neighbours; ``extra`` adds padded places, changing nothing else."""

    def make(seed: int = 0, count: int = 5, places: int = 6, extra: int = 0) -> Graphs:
        rng = np.random.default_rng(seed)
        sizes = rng.integers(2, 8, count)
        start = np.concatenate([[0], np.cumsum(sizes)])
        atoms, wide = int(start[-1]), places + extra
        neighbors = np.tile(np.arange(atoms)[:, None], (1, wide))
        distances = np.full((atoms, wide), 5.0, dtype=np.float32)
        mask = np.zeros((atoms, wide), dtype=bool)
        for g, size in enumerate(sizes):
            for i in range(start[g], start[g + 1]):
                have = int(rng.integers(1, places + 1))
                neighbors[i, :have] = rng.integers(start[g], start[g] + size, have)
                distances[i, :have] = np.sort(rng.uniform(1.0, 5.0, have))
                mask[i, :have] = True
        flag = np.zeros(atoms, dtype=bool)
        adsorbate, surface = flag.copy(), flag.copy()
        adsorbate[start[:-1]] = True
        surface[start[:-1] + 1] = True
        return Graphs(
            start=start,
            numbers=rng.choice([1, 8, 29, 78], atoms),
            neighbors=neighbors,
            distances=distances,
            mask=mask,
            adsorbate=adsorbate,
            surface=surface,
            fixed=flag,
            target_ev=rng.normal(size=count),
            cutoff_angstrom=5.0,
            max_neighbors=places,
        )

    return make
