"""`titip check` asks about settings that are allowed and hardly meant."""

from datetime import timedelta

import pytest

from config.check.usual import USUAL, usual_findings
from config.settings import Settings

STEP = {timedelta: timedelta(milliseconds=1), int: 1}


def with_setting(key, value):
    section, _, name = key.partition(".")
    settings = Settings()
    part = getattr(settings, section).model_copy(update={name: value})
    return settings.model_copy(update={section: part})


def edges():
    for one in USUAL:
        for side, sign in (("low", -1), ("high", 1)):
            if (edge := getattr(one, side)) is not None:
                yield pytest.param(one, edge, sign, id=f"{one.key} {side}")


def test_the_defaults_are_usual():
    assert list(usual_findings(Settings())) == []


@pytest.mark.parametrize(("one", "edge", "sign"), list(edges()))
def test_what_is_beyond_an_edge_is_asked_about_and_the_edge_itself_is_not(one, edge, sign):
    (found,) = usual_findings(with_setting(one.key, edge + sign * STEP[type(edge)]))

    assert list(usual_findings(with_setting(one.key, edge))) == []
    assert found.grade == "warning"
    assert found.text.startswith(f"{one.key} = ")
    assert "is its unit right?" in found.fix
