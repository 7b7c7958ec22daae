"""What engines use of a campaign is what ``perch.campaign.seams`` says they use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perch.campaign import seams
from perch.campaign.campaign import Campaign

PACKAGE = Path(seams.__file__).parents[1]
PAGE = seams.__doc__ or ""
TABLE = PAGE.split("when the engine calls it")[1].splitlines()[2:]
DECLARED = {
    name
    for row in TABLE[: next(i for i, row in enumerate(TABLE) if row.startswith("==="))]
    for name in row.split("  ")[0].split(", ")
} | set(re.findall(r"``([a-z_]+)``", PAGE))
"""Names in the first column of the table, and names in double backticks."""


@pytest.mark.parametrize("engine", ["engine/tune.py", "engine/inline.py", "simulate/virtual_clock.py"])
def test_an_engine_uses_of_a_campaign_only_what_is_declared(engine: str) -> None:
    source = (PACKAGE / engine).read_text(encoding="utf-8")
    used = set(re.findall(r"(?<!perch\.)\bcampaign\.([a-z_]+)", source))
    assert "next_placement" in used
    assert used - DECLARED == set()


def test_what_is_declared_is_a_member_of_the_campaign() -> None:
    assert "next_placement" in DECLARED
    assert DECLARED - set(dir(Campaign)) - set(Campaign.__dataclass_fields__) == set()
