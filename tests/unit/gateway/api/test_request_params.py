"""What a request to the API asks for, read strictly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import request_params
from gateway.protocol.errors import Refusal
from titip.access import Bearer, Role
from titip.delivery import DeliveryState
from titip.ports.operations import Query, Selection
from titip.upload import UploadState

LO = Bearer(Role.LO, "pair-1")
OPERATOR = Bearer(Role.OPERATOR, "operators")


def page(params, bearer=OPERATOR):
    return request_params.page(params, bearer, UploadState, "submitter", "destination")


def selection(**asked):
    return request_params.selection(json.dumps(asked).encode())


def status_of(work, *args, **kwargs):
    with pytest.raises(Refusal) as refusal:
        work(*args, **kwargs)
    return refusal.value.problem.status


def test_a_page_has_its_defaults():
    assert page({}) == Query(limit=100)


def test_an_lo_sees_its_own_rows_whatever_it_asks_for():
    assert page({"submitter": "pair-2"}, LO).submitter == "pair-1"
    assert page({"submitter": "pair-2"}).submitter == "pair-2"


def test_a_page_may_be_narrowed():
    query = page({"state": "open, sealed", "destination": "mirror", "after": "x", "limit": "7"})

    assert query == Query(None, ("open", "sealed"), "mirror", "x", 7)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"state": "melted"}, 400),
        ({"limit": "0"}, 400),
        ({"limit": "1001"}, 400),
        ({"limit": "-1"}, 400),
        ({"limit": "\u0661"}, 400),
        ({"after": "x" * 501}, 400),
        ({"after": "\n"}, 400),
        ({"stat": "open"}, 400),
        ({"destination": "moon"}, 404),
    ],
)
def test_a_slip_in_the_parameters_is_refused(params, status):
    assert status_of(page, params) == status


def test_a_selection_is_by_ids():
    assert selection(ids=["a", "b"], to="mirror") == Selection(("a", "b"), frozenset(), "mirror")


def test_a_selection_is_of_all_parked():
    assert selection(parked=True, all=False, ids=[]).states == {DeliveryState.PARKED}


def test_a_selection_of_all_is_what_is_owed_and_not_under_way():
    assert selection(all=True, to=None).states == {
        DeliveryState.QUEUED,
        DeliveryState.DEFERRED,
        DeliveryState.VERIFY,
        DeliveryState.PARKED,
    }


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"ids": ["a"], "all": True},
        {"moved": True, "all": True},
        {"moved": True, "not_there": True},
        {"ids": "a"},
        {"ids": [1]},
        {"ids": ["a"] * 1001},
        {"ids": ["a" * 501]},
        {"parked": "yes"},
        {"all": True, "to": 1},
        {"everything": True},
    ],
)
def test_an_unclear_selection_is_refused(asked):
    assert status_of(selection, **asked) == 400


def test_a_selection_for_an_unknown_destination_is_refused():
    assert status_of(selection, all=True, to="moon") == 404


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode())))
def test_any_body_at_all_is_a_selection_or_refused(body):
    assert status_of(request_params.selection, body) == 400
    assert status_of(request_params.reference, body) == 400


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[]", b'"x"', b"{}", b'{"reference": " "}'])
def test_no_reference_is_refused(body):
    assert status_of(request_params.reference, body) == 400


def test_a_reference_is_trimmed():
    assert request_params.reference(b'{"reference": " SILON-17 "}') == ("SILON-17", False)


def test_a_reference_may_be_one_of_several_files():
    body = b'{"reference": "SILON-17", "shared": true}'

    assert request_params.reference(body) == ("SILON-17", True)


def test_what_was_sent_to_a_former_address_is_meant_by_itself():
    chosen = selection(moved=True, to="registry")

    assert (chosen.states, chosen.moved) == ({DeliveryState.PARKED}, True)
