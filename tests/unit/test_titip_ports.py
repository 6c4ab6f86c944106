import inspect
from typing import Protocol

import pytest

from titip import joining, ports
from titip.delivery import REGISTRY
from titip.overview import Census, Query, Selection, Standing

PORTS = [
    one
    for one in (*vars(ports).values(), *vars(joining).values())
    if isinstance(one, type) and getattr(one, "_is_protocol", False) and one is not Protocol
]


def asked_of(port):
    return [name for name in vars(port) if not name.startswith("_")]


@pytest.mark.parametrize("port", PORTS)
def test_no_port_asks_for_more_than_six_things(port):
    assert 1 <= len(asked_of(port)) <= 6


@pytest.mark.parametrize("port", PORTS)
def test_everything_that_a_port_asks_for_says_what_it_owes(port):
    assert all(inspect.getdoc(inspect.getattr_static(port, name)) for name in asked_of(port))


def test_a_query_without_wishes_is_the_first_page_of_everything():
    assert Query() == Query(submitter=None, states=(), destination=None, after="", limit=100)


def test_a_selection_without_wishes_selects_nothing_by_name():
    assert Selection() == Selection(ids=(), states=(), destination=None)


def test_two_standings_do_not_share_their_counts():
    first, second = Standing(REGISTRY, paused=False, health=None), Standing("", True, None)

    assert first.counts == {}
    assert first.counts is not second.counts
    assert Census({}, 0, 0, [first]).destinations == [first]
