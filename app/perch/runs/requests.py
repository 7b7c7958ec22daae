"""Takes up what is asked of a run by hand (``perch ctl``, the page of ``perch watch``), and answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from perch.campaign.campaign import Campaign
from perch.errors import PerchError, RequestError
from perch.log.asking import DOINGS
from perch.log.requests import Answer, Requests
from perch.log.study_file import keep_study, load_study
from perch.runs.attempt import Attempt
from perch.runs.ending import stay_s
from perch.study import Budget

LOG = logging.getLogger("perch.requests")


def look_for_requests(attempt: Attempt, say: Callable[[str], None], *, first: bool = False) -> None:
    """Do what has been asked since the last look. ``first``: this attempt has just begun, and others may have left some undone."""
    requests = Requests(attempt.folder.path)
    try:
        for request in requests.take(left_over=first):
            answer = _answered(attempt, request, first)
            if answer.accepted and request["do"] == "budget":
                _keep_budget(attempt)
            if request.get("later"):
                requests.forget(request["id"])
            else:
                requests.answer(request["id"], answer)
            outcome = answer.what if answer.accepted else f"refused: {answer.what} ({answer.why})"
            say(f"asked by hand: {outcome}")
    except OSError as error:  # a folder that cannot be read now is looked at again in a second
        LOG.warning("cannot take up requests in %s: %s", requests.path, error)


def _answered(attempt: Attempt, request: Mapping[str, Any], first: bool) -> Answer:
    try:
        return Answer(True, _done(attempt, request, first))
    except PerchError as error:
        return Answer(False, error.what, error.why, error.fix)


def _done(attempt: Attempt, request: Mapping[str, Any], first: bool) -> str:
    """Do it; returns what was done, in words. Raises a PerchError for what cannot be done."""
    campaign, do = attempt.campaign, request.get("do")
    if "refused" in request or do not in DOINGS:
        raise RequestError(
            "this is not a request",
            why=request.get("refused") or f"it asks for {do!r}",
            fix=f"ask with perch ctl: {', '.join(DOINGS)}",
        )
    if request["id"] in campaign.state.by_hand.requests:
        return "done already: the log of the run holds it"
    try:
        return _call(campaign, str(do), request, first)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestError(f"the request '{do}' cannot be read", why=repr(error), fix="ask with perch ctl") from error


def _call(campaign: Campaign, do: str, request: Mapping[str, Any], first: bool) -> str:
    name = str(request["id"])
    match do:
        case "stop":
            return campaign.stop_trial(str(request["trial"]), name)
        case "keep":
            return campaign.keep_trial(str(request["trial"]), name)
        case "add":
            return campaign.add_trial(dict(request["config"]), name)
        case "budget":
            trials, time_s = request.get("trials"), request.get("time")
            given = Budget(trials=trials, time=time_s)
            return campaign.change_budget(given.trials, given.time, name)
        case "end":
            return campaign.end_search(name)
        case _:
            if first:
                raise RequestError(
                    "the attempt that was to leave has ended",
                    why="this is another one",
                    fix="ask once more if it is to leave too",
                )
            campaign.end("interrupted", "somebody asked for it", stay_s())
            return "the run saves and leaves; it can be resumed"


def _keep_budget(attempt: Attempt) -> None:
    """``study.yaml`` says the budget that holds: what reads a run's folder reads it there."""
    rules = attempt.campaign.rules
    budget = Budget(trials=rules.trials, time=rules.time_s)
    keep_study(attempt.folder, load_study(attempt.folder).model_copy(update={"budget": budget}))
