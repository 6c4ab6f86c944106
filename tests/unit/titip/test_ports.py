import inspect
from importlib import import_module
from pkgutil import iter_modules

import pytest

from titip import ports

MODULES = [import_module(f"titip.ports.{one.name}") for one in iter_modules(ports.__path__)]
PORTS = [
    one
    for module in MODULES
    for one in vars(module).values()
    if getattr(one, "_is_protocol", False) and one.__module__ == module.__name__
]


def asked_of(port):
    return [name for name in vars(port) if not name.startswith("_")]


@pytest.mark.parametrize("port", PORTS)
def test_no_port_asks_for_more_than_six_things(port):
    assert 1 <= len(asked_of(port)) <= 6


@pytest.mark.parametrize("port", PORTS)
def test_everything_that_a_port_asks_for_says_what_it_owes(port):
    assert all(inspect.getdoc(inspect.getattr_static(port, name)) for name in asked_of(port))
