"""Suggestions as a function of (seed, number, results, pending): what was asked before leaves no trace.

Dragonfly's ask/tell mode builds its surrogate once and never again, ignores trials in progress, and leaves its step
counter at zero. ``Repaired`` mends this from outside; ``Stock`` leaves it as it is, for comparison.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np
from axes import Config, Domain
from dragonfly.opt.gp_bandit import CPGPBandit, get_all_cp_gp_bandit_args
from dragonfly.utils.option_handler import load_options

REBUILD_EVERY = 17
"""Results between two surrogates: Dragonfly's own ``build_new_model_every``."""

FIRST_BUILDS = (0, 3, 6, 11)
"""Before the seventeenth result a surrogate on few results is better than none."""

MOST_TO_TUNE = 60
"""Kernel parameters are tuned on at most so many results, the better and the later half of these."""

MOST_TO_FIT = 600
"""A Gaussian process costs the third power of its results: beyond so many it sees the same halves of them."""

THINNED = {"gpb_post_hp_tune_burn": 12, "gpb_post_hp_tune_offset": 2, "handle_non_psd_kernels": "try_before_project"}
"""Dragonfly draws (17 - 1) x 25 + 1 samples per kernel parameter and uses 17; these settings draw 33 (0.3 % of the time)."""

LEAST_SPREAD, MOST_SPREAD = 1e-3, 1e3
"""Dragonfly samples kernel parameters, the mean among them, in steps of one: losses in J/mol would take it for ever."""

Result = tuple[Config, float | None, str | None]
"""A configuration, its value (lower is better; None: failed) and the acquisition that proposed it."""


class Repaired:
    """The surrogate is rebuilt every 17 results, the step advances, and points in progress count."""

    def __init__(self, domain: Domain, seed: int) -> None:
        self.domain, self.seed = domain, seed
        self._tuned: tuple[str, Any] | None = None

    def ask(self, number: int, results: list[Result], pending: list[Config]) -> tuple[Config, dict[str, Any]]:
        """Suggestion ``number``; ``pending`` are the configurations being trained, or promised."""
        built = boundary(len(results))
        unit = unit_of([value for _, value, _ in results[:built]])
        processor = self._surrogate(results[:built], unit)
        bandit = self._bandit(thinned(results, MOST_TO_FIT), processor, number, unit)
        bandit.step_idx = len(results)
        bandit.eval_points_in_progress = [self.domain.processed(c) for c in pending]
        seed_all(self.seed, "ask", number, len(results))
        raw = bandit.ask()
        note = {"acq": bandit.chosen, "built": built}
        return self.domain.decode(raw), note

    def _surrogate(self, results: list[Result], unit: float) -> Any:
        """Kernel parameters for these results; tuned once per boundary, a function of the seed and the results alone."""
        key = digest(results)
        if self._tuned is None or self._tuned[0] != key:
            bandit = self._bandit(thinned(results, MOST_TO_TUNE), None, 0, unit)
            seed_all(self.seed, "build", len(results))
            bandit._build_new_model()
            self._tuned = (key, bandit.gp_processor)
        return self._tuned[1]

    def _bandit(self, results: list[Result], processor: Any, number: int, unit: float) -> _Mended:
        options = load_options(get_all_cp_gp_bandit_args(), partial_options=dict(THINNED))
        bandit = _Mended(self.domain.caller, ask_tell_mode=True, options=options)
        bandit.first_qinfos = []
        bandit.initialise_capital()
        bandit.acquisitions_told = tuple(acq for _, _, acq in results)
        losses = bounded_losses([value for _, value, _ in results])
        bandit.tell([(self.domain.encode(c), -loss / unit) for (c, _, _), loss in zip(results, losses)])
        bandit.step_idx = len(results)
        bandit.last_model_build_at = boundary(len(results))
        if processor is not None:
            bandit.gp_processor = processor
            bandit.turn = number
        return bandit


class _Mended(CPGPBandit):
    """Dragonfly's bandit, with the data of the moment in whichever surrogate it picks."""

    turn = 0
    chosen = ""
    acquisitions_told: tuple[str | None, ...] = ()

    def _generate_qinfos(self, points: Any) -> Any:
        """Credit the acquisition that proposed a point: Dragonfly weighs them by their successes."""
        infos = super()._generate_qinfos(points)
        for info, acq in zip(infos, self.acquisitions_told):
            if acq in self.acqs_to_use:
                info.curr_acq = acq
        return infos

    def _main_loop_pre(self) -> None:
        """Pick the turn's surrogate among those of the last build and give it every result so far."""
        fitter = self.gp_processor.gp_fitter
        kept = dict(fitter.hp_tune_results)
        for method, (kind, found) in kept.items():
            if isinstance(found, list):  # drawn kernel parameters, used in turn
                at = self.turn % len(found)
                fitter.hp_tune_results[method] = (kind, found[at:] + found[:at])
        super()._main_loop_pre()
        fitter.hp_tune_results = kept
        self.gp.set_data(*self._get_gp_reg_data(), build_posterior=True)

    def _get_next_acq(self) -> str:
        self.chosen = str(super()._get_next_acq())
        return self.chosen


class Stock:
    """Dragonfly as it comes: its own first points, one surrogate for ever, no points in progress, no step.

    One kindness: kernel parameters found by maximum likelihood see every result, where Dragonfly gives them only those
    told while they were in use.
    """

    def __init__(self, domain: Domain, seed: int) -> None:
        self.domain, self.seed = domain, seed
        self._built: tuple[str, Any] | None = None

    def ask(self, number: int, results: list[Result], built: int) -> tuple[Config, dict[str, Any]]:
        """Suggestion ``number``; ``built`` is how many results there were when the surrogate was made."""
        seed_all(self.seed, "stock", 0)
        bandit = _Mended(self.domain.caller, ask_tell_mode=True)
        bandit.initialise()
        first = len(bandit.first_qinfos)
        if number < first:
            bandit.first_qinfos = bandit.first_qinfos[number:]
            return self.domain.decode(bandit.ask()), {"stock": "initial"}
        processor = self._surrogate(results[:built])
        self._tell(bandit, results)
        bandit.gp_processor, bandit.turn = processor, number - first
        seed_all(self.seed, "stock ask", number, len(results))
        return self.domain.decode(bandit.ask()), {"stock": "asked", "acq": bandit.chosen, "built": built}

    def _surrogate(self, results: list[Result]) -> Any:
        """The one surrogate."""
        key = digest(results)
        if self._built is None or self._built[0] != key:
            bandit = _Mended(self.domain.caller, ask_tell_mode=True)
            bandit.initialise_capital()
            self._tell(bandit, results)
            seed_all(self.seed, "stock build")
            bandit._build_new_gp()
            self._built = (key, bandit.gp_processor)
        return self._built[1]

    def _tell(self, bandit: _Mended, results: list[Result]) -> None:
        """Results as they are; failures are left out, as Ray did."""
        bandit.first_qinfos = []
        told = [(self.domain.encode(c), -value) for c, value, _ in results if value is not None]
        if told:
            bandit.tell(told)


def boundary(results: int) -> int:
    """How many of so many results the surrogate in use was tuned on: 3, 6 or 11 at first, then every 17."""
    if results >= REBUILD_EVERY:
        return results - results % REBUILD_EVERY
    return max(size for size in FIRST_BUILDS if size <= results)


def thinned(results: list[Result], most: int) -> list[Result]:
    """At most so many results in their order: the best half, filled up with the latest."""
    if len(results) <= most:
        return results
    losses = bounded_losses([value for _, value, _ in results])
    best = sorted(range(len(results)), key=lambda i: (losses[i], i))[: most // 2]
    kept = set(best)
    late = [i for i in range(len(results) - 1, -1, -1) if i not in kept][: most - len(best)]
    return [results[i] for i in sorted([*best, *late])]


def bounded_losses(values: list[float | None]) -> list[float]:
    """Losses that a Gaussian process can bear: failures as bad as the worst, and the worst not far from the rest.

    Anything above median + 3 (median - best) is cut off there, so that one trial of 10^6 eV does not flatten the rest.
    """
    known = [v for v in values if v is not None and np.isfinite(v)]
    if not known:
        return [0.0 for _ in values]
    middle, best = float(np.median(known)), min(known)
    cap = middle + 3 * max(middle - best, 1e-12)
    worst = min(max(known), cap)
    return [worst if v is None or not np.isfinite(v) else min(v, cap) for v in values]


def unit_of(values: list[float | None]) -> float:
    """What losses are divided by: 1, or a power of ten where their spread is not one that Dragonfly's samplers can walk.

    It goes by the results of the surrogate's last build, so that kernel parameters and data keep one unit until the next.
    """
    losses = bounded_losses(values) or [0.0]
    spread = max(losses) - min(losses)
    if spread == 0 or LEAST_SPREAD <= spread <= MOST_SPREAD:
        return 1.0
    return 10.0 ** math.floor(math.log10(spread))


def seed_all(seed: int, *key: Any) -> None:
    """Dragonfly draws from numpy's global generator: set it by (seed, purpose, numbers)."""
    words = hashlib.sha256(json.dumps([seed, *key]).encode()).digest()
    np.random.seed(np.frombuffer(words, dtype=np.uint32))


def digest(results: list[Result]) -> str:
    """Names a list of results."""
    return hashlib.sha256(json.dumps(results).encode()).hexdigest()
