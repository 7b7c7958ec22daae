"""Engines use of a campaign what ``perch.campaign.seams`` declares; mypy checks each use, these tests that they are made for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import perch
from perch.campaign.campaign import Campaign
from perch.campaign.seams import CampaignForEngine

PACKAGE = Path(perch.__file__).parent
ENGINES = ("engine/tune.py", "engine/inline.py", "simulate/virtual_clock.py")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_takes_a_campaign_as_it_is_declared_for_engines(engine: str) -> None:
    source = (PACKAGE / engine).read_text(encoding="utf-8")
    assert re.search(r"(campaign: |Callable\[\[\], )CampaignForEngine\b", source)


def test_no_engine_knows_the_campaign_itself() -> None:
    files = [*(PACKAGE / "engine").glob("*.py"), PACKAGE / "simulate" / "virtual_clock.py"]
    assert [file.name for file in files if "perch.campaign.campaign" in file.read_text(encoding="utf-8")] == []


def test_what_is_declared_for_engines_is_a_member_of_the_campaign() -> None:
    declared = {name for name in (*vars(CampaignForEngine), *CampaignForEngine.__annotations__) if name[0] != "_"}
    assert {"next_placement", "worker_slots", "ending"} <= declared
    assert declared <= set(dir(Campaign)) | set(Campaign.__dataclass_fields__)
