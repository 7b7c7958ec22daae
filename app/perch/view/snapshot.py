"""What the live view shows of a campaign."""

from __future__ import annotations

from collections import Counter

from perch.campaign.campaign import Campaign
from perch.formatting import gist, short_path
from perch.log.folder import RunFolder
from perch.log.state import CONFIRM, SEARCH
from perch.study import SMALLEST_RACE, Study
from perch.view.live import Best, Rung, Snapshot
from perch.vocabulary import INFEASIBLE


def snapshot(
    folder: RunFolder, study: Study, campaign: Campaign, baselines: dict[str, float | None], started_s: float
) -> Snapshot:
    """The state of a campaign in one small object; ``started_s``: consumed seconds when this attempt began."""
    state = campaign.state
    confirming = bool(state.confirming)
    phase = CONFIRM if confirming else SEARCH
    counts = Counter(state.counts)
    counts.update(
        "interrupted" if confirming and t.status == "running" else t.status
        for t in state.live.values()
        if t.phase == SEARCH
    )
    confirm: Counter[str] = Counter(t.status for t in state.ended.values() if t.phase == CONFIRM)
    confirm.update(t.status for t in state.live.values() if t.phase == CONFIRM)
    elapsed_s = campaign.clock.now_s()
    ended = state.counts.total() - state.counts[INFEASIBLE]
    sign = 1 if study.mode == "min" else -1
    best = None
    if state.best is not None:
        value, trial, epoch = state.best
        best = Best(trial, sign * value, epoch, campaign.best_config, campaign.best_test_mae_ev)
    return Snapshot(
        run_id=folder.id,
        strategy=study.strategy_name,
        metric=study.metric,
        elapsed_s=elapsed_s,
        trials=counts,
        best=best,
        rungs=tuple(Rung(e, n, passed) for e, (n, passed) in sorted(state.rungs.items())),
        budget_s=_budget_s(campaign, elapsed_s),
        budget_trials=None if campaign.rules.trials is None else campaign.rules.trials + state.by_hand.added,
        trials_per_minute=None if confirming or elapsed_s < 1 or not ended else ended / elapsed_s * 60,
        workers_busy=len(campaign.spent),
        workers=campaign.worker_slots,
        phase=phase,
        baselines={k: v for k, v in baselines.items() if v is not None},
        note=_note(campaign),
        folder=short_path(folder.path),
        confirming=confirm,
        confirm_trials=_trainings(campaign) if confirming else None,
        running=tuple((t.id, t.epoch) for t in state.live.values() if t.id in campaign.spent),
        failed=None if state.last_failed is None else (state.last_failed[0], gist(state.last_failed[1])),
    )


def _budget_s(campaign: Campaign, now_s: float) -> float | None:
    """Consumed seconds at which the phase that goes on will have ended; None: it hangs on trials and epochs."""
    state = campaign.state
    if not state.confirming:
        budget_s = campaign.rules.time_s
        return None if budget_s is None else budget_s + state.confirmed_s
    if state.fresh.allowance is None or not state.fresh.in_seconds:
        return None
    return now_s - state.confirming_for_s(now_s) + state.fresh.allowance


def _trainings(campaign: Campaign) -> int | None:
    """How many trainings with fresh seeds there will be at most; None: it hangs on how long they take."""
    race = campaign.state.fresh
    most = len(race.entrants) * (race.seeds or campaign.confirmation.seeds)
    if race.allowance is None:
        return most
    return None if race.in_seconds else min(most, max(int(race.allowance // campaign.state.epochs), SMALLEST_RACE))


def _note(campaign: Campaign) -> str:
    """Why nothing more is placed, and whom the run still waits for."""
    if campaign.ending in (None, "done"):
        return ""
    awaited = len(campaign.awaited())
    if not awaited:
        return campaign.why
    trials = "a trial" if awaited == 1 else f"{awaited} trials"
    return f"{campaign.why}: waiting for {trials} to end an epoch and save; once more to leave at once"
