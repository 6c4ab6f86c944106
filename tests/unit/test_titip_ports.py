import inspect
from typing import Protocol

import pytest

from titip import joining, ports

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
