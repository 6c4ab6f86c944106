from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titip.policies.fair_queue import MINIMUM_COST, FairQueue

MIB = 1 << 20
LARGEST = 4 * MIB
OTHERS = ("ada", "bea", "cleo", "zoe")


def first(turns, waiting):
    return turns.order(waiting)[0]


def test_among_strangers_the_name_decides():
    assert FairQueue().order(["zoe", "ada", "bea"]) == ["ada", "bea", "zoe"]


def test_nobody_waiting_is_nobody_served():
    assert FairQueue().order([]) == []


def test_the_least_served_comes_first():
    turns = FairQueue({"ada": 9 * MIB, "bea": 2 * MIB, "zoe": 5 * MIB})

    assert turns.order(["ada", "bea", "zoe"]) == ["bea", "zoe", "ada"]


def test_a_served_file_is_charged_by_its_size():
    turns = FairQueue({"ada": 3 * MIB}).charge("ada", 7 * MIB, waiting=["ada"])

    assert turns.served == {"ada": 10 * MIB}


@pytest.mark.parametrize("size", [0, 1, MINIMUM_COST])
def test_even_the_smallest_file_has_a_price(size):
    turns = FairQueue({"ada": 3 * MIB}).charge("ada", size, waiting=["ada"])

    assert turns.served == {"ada": 3 * MIB + MINIMUM_COST}


def test_a_newcomer_starts_one_smallest_file_behind_the_least_served():
    turns = FairQueue({"ada": 90 * MIB, "bea": 50 * MIB})

    after = turns.charge("bea", 10 * MIB, waiting=["ada", "bea", "new"])

    assert after.served == {"ada": 90 * MIB, "bea": 60 * MIB, "new": 51 * MIB}


def test_a_newcomer_does_not_wait_for_the_past_work_of_others():
    turns = FairQueue({"ada": 90 * MIB, "bea": 50 * MIB})

    assert turns.order(["ada", "bea", "new"]) == ["bea", "new", "ada"]


def test_a_newcomer_does_not_jump_ahead_for_its_past_silence():
    turns = FairQueue({"zoe": 50 * MIB})

    assert turns.order(["ada", "zoe"]) == ["zoe", "ada"]


def test_the_accounts_of_those_who_do_not_wait_set_no_start():
    turns = FairQueue({"gone": 2 * MIB, "bea": 50 * MIB})

    assert turns.charge("bea", MIB, waiting=["bea", "new"]).served["new"] == 51 * MIB


def test_turns_are_a_value_that_a_turn_leaves_as_it_was():
    turns = FairQueue({"ada": MIB})

    turns.charge("ada", MIB, waiting=["ada", "bea"])

    assert turns == FairQueue({"ada": MIB})


@given(
    st.lists(
        st.tuples(st.sets(st.text(max_size=3), max_size=6), st.integers(0, 1 << 40)), max_size=30
    )
)
def test_memory_is_bounded_by_those_who_wait_and_the_one_just_served(rounds):
    turns = FairQueue()

    for waiting, size in rounds:
        for name in turns.order(waiting)[:1]:
            turns = turns.charge(name, size, waiting=waiting - {name})

            assert set(turns.served) == waiting | {name}


@given(st.lists(st.tuples(st.integers(0, LARGEST), st.integers(0, LARGEST)), min_size=1))
def test_two_backlogs_are_served_alike_in_bytes_whatever_the_sizes_of_their_files(sizes):
    turns, given_out = FairQueue(), {"ada": 0, "bea": 0}
    files = {"ada": iter([a for a, _ in sizes]), "bea": iter([b for _, b in sizes])}

    while True:
        name = first(turns, given_out)
        size = next(files[name], None)
        if size is None:
            break
        turns = turns.charge(name, size, waiting=given_out)
        given_out[name] += max(size, MINIMUM_COST)

        assert abs(given_out["ada"] - given_out["bea"]) <= LARGEST + MINIMUM_COST


def test_those_who_come_and_go_do_not_starve_one_who_stays():
    turns, served = FairQueue(), []

    for visitor in ["ada", "bea"] * 10:
        name = first(turns, {visitor, "patient"})
        turns = turns.charge(name, MIB, waiting={"patient"})
        served.append(name)

    assert served.count("patient") >= 9


def test_an_endless_row_of_strangers_does_not_starve_one_who_stays():
    turns, served = FairQueue({"zoe": 40 * MIB}), []

    for number in range(100):
        name = first(turns, {f"a{number:03}", "zoe"})
        turns = turns.charge(name, MIB, waiting={"zoe"})
        served.append(name)

    assert served.count("zoe") >= 49


@given(
    rounds=st.lists(
        st.tuples(st.sets(st.sampled_from(OTHERS)), st.integers(0, LARGEST), st.booleans()),
        min_size=1,
        max_size=40,
    ),
    start=st.dictionaries(st.sampled_from(OTHERS), st.integers(0, LARGEST)),
)
def test_whoever_waits_is_served_within_a_bounded_number_of_turns(rounds, start):
    # While the least account rises by one smallest file, each other submitter is served once at
    # most; and the one who waits is ahead of the least by no more than the largest file it was
    # served, and the step of a newcomer.
    bound = len(OTHERS) * (LARGEST // MINIMUM_COST + 3)
    turns, waited = FairQueue(start), 0

    for visitors, size, stays in cycle_to(rounds, 4 * bound):
        waiting = {*visitors, "patient"}
        name = first(turns, waiting)
        left = waiting if stays or name == "patient" else waiting - {name}
        turns = turns.charge(name, size, waiting=left)
        waited = 0 if name == "patient" else waited + 1

        assert waited <= bound


def cycle_to(rounds, count):
    return (one for one, _ in zip(cycle(rounds), range(count), strict=False))
