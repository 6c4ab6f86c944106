from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titip.retry_after import CEILING, retry_after

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("²", None),
        ("120\n", None),
        ("0", timedelta(0)),
        ("007", timedelta(seconds=7)),
        (" 120 ", timedelta(minutes=2)),
        ("999999999", CEILING),
        ("9999999999", CEILING),
        ("9" * 100_000, CEILING),
        ("0" * 100_000, timedelta(0)),
        ("Fri, 20 Nov 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Fri, 20 Nov 2026 12:01:00 -0000", timedelta(minutes=1)),
        ("Friday, 20-Nov-26 12:01:00 GMT", timedelta(minutes=1)),
        ("Fri Nov 20 12:01:00 2026", timedelta(minutes=1)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("Sat, 21 Nov 2026 12:00:00 GMT", CEILING),
        ("Mon, 99999999999999999999 Jan 2026 0:0:0 GMT", None),
        ("Mon, 1 Jan 99999999999999999999 0:0:0 GMT", None),
        ("Mon, 1 Jan 2026 0:0:99999999999999999999 GMT", None),
        ("Mon, 1 Jan 2026 0:0:0 +99999999999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", CEILING),
        ("Mon, 1 Jan 1 0:0:0 +2359", timedelta(0)),
        ("x" * 1_000_000, None),
        (f"{'Fri, 20 Nov 2026':68}12:01:00 GMT", timedelta(minutes=1)),
        (f"{'Fri, 20 Nov 2026':69}12:01:00 GMT", None),
        ("Fri, ٢٠ Nov 2026 12:01:00 GMT", None),
        ("Fri, 20 Nov 2026\t12:01:00 GMT", None),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_wait_is_read_strictly_and_cut_to_an_hour(header, wait):
    assert retry_after(header, now=NOW) == wait


_DATE_LIKE = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Friday", "", "x"]),
    *[st.integers(-(10**30), 10**30) | st.integers(0, 70)],
    st.sampled_from(["Jan", "Nov", "13", "", "-"]),
    *[st.integers(-(10**30), 10**30) | st.integers(0, 9999)] * 4,
    st.sampled_from(["GMT", "UTC", "-0000", "+9999", "-2359", "EST", "Z", ""]),
)


@given(st.none() | st.text(max_size=90) | _DATE_LIKE | st.from_regex(r"[0-9 ,:GMT+-]{0,90}"))
def test_any_text_is_a_wait_of_an_hour_at_most_or_none(header):
    wait = retry_after(header, now=NOW)

    assert wait is None or timedelta(0) <= wait <= CEILING


@given(st.timedeltas(min_value=timedelta(0), max_value=CEILING))
def test_a_date_within_the_hour_is_waited_for_to_the_second(ahead):
    whole = timedelta(seconds=int(ahead.total_seconds()))

    assert retry_after(format_datetime(NOW + whole, usegmt=True), now=NOW) == whole
