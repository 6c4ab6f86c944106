"""How many files a process may have open, and what connections may take of them."""

import resource

from config.runtime.file_limits import for_connections, limit, limit_to_be, raise_limit


def test_a_soft_limit_on_open_files_is_raised_to_the_hard_one(monkeypatch):
    limits = [(1024, 4096)]
    monkeypatch.setattr("resource.getrlimit", lambda _: limits[-1])
    monkeypatch.setattr("resource.setrlimit", lambda _, both: limits.append(both))

    raise_limit()
    raise_limit()

    assert limits == [(1024, 4096), (4096, 4096)]
    assert for_connections(window=8) == 4096 - 96 - 32


def test_an_endless_limit_on_open_files_is_a_number_all_the_same(monkeypatch):
    endless = resource.RLIM_INFINITY
    monkeypatch.setattr("resource.getrlimit", lambda _: (endless, endless))

    assert limit() == limit_to_be() == 1 << 20
