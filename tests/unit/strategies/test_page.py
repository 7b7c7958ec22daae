"""What ``perch strategies`` prints."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from perch.cli.strategies import app
from perch.errors import StrategyError
from perch.strategies.page import page, rows
from perch.strategies.registry import STRATEGIES


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_a_page_holds_paper_needs_settings_and_differences(name: str) -> None:
    text, entry = page(name), STRATEGIES.get(name)
    flat = " ".join(text.split())
    for part in (entry.summary, entry.paper, entry.when, entry.differs, f"name: {name}" if settings_of(name) else name):
        assert " ".join(part.split()) in flat
    for key, field in settings_of(name).items():
        assert f"{key} (" in flat
        assert str(field.description) in flat
    assert max(len(line) for line in text.split("\n") if "http" not in line) <= 100


def settings_of(name: str) -> dict[str, object]:
    return dict(STRATEGIES.get(name).settings.model_fields)  # type: ignore[arg-type]


def test_needs_are_said() -> None:
    assert "saves and loads" in page("pbt")
    assert "algorithm hyperparameters" in page("pbt")
    assert "nothing beyond a result per epoch" in page("asha")


def test_an_unknown_name_is_an_error_with_a_hint() -> None:
    with pytest.raises(StrategyError, match="did you mean 'pbt'"):
        page("ptb")


def test_piped_it_lists_one_strategy_a_line() -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert [line.split("\t")[0] for line in result.output.strip().split("\n")] == STRATEGIES.names()
    assert len(rows()) == len(STRATEGIES.names())
    assert page("asha") in CliRunner().invoke(app, ["asha"]).output
