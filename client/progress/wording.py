"""The sentences that a person reads of a push."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.report import PushResult
from titip.text import amount, seen

if TYPE_CHECKING:
    from client.report import Outcome, PushReport

MOST_FAILURES_SHOWN = 20


def patience(reason: str, seconds: float) -> str:
    """Tell what is waited for and when the next try comes."""
    soon = "at once" if seconds < 1 else f"in {seconds:.0f} s"
    return f"{seen(reason)}; next try {soon}"


def outcome_line(outcome: Outcome) -> str:
    """Tell one file's fate in a line."""
    name = seen(outcome.relative)
    match outcome.fate:
        case PushResult.PROVEN | PushResult.ALREADY:
            upload = f"  [{outcome.proof.upload}]" if outcome.proof else ""
            return f"proven       {name}  {amount(outcome.size)}{seen(upload)}"
        case PushResult.FAILED:
            return f"FAILED       {name}: {seen(outcome.reason)}"
        case PushResult.LEFT:
            return f"not finished {name}"


def closing_lines(report: PushReport) -> list[str]:
    """Tell what is proven, what is not and why, and what to do next."""
    lines = ["Interrupted."] if report.interrupted else []
    lines.append(_headline(report))
    failures = report.failures
    if failures:
        lines.append(f"{_files(len(failures))} failed:")
        lines += [
            f"  {seen(one.relative)}: {seen(one.reason)}" for one in failures[:MOST_FAILURES_SHOWN]
        ]
        if len(failures) > MOST_FAILURES_SHOWN:
            lines.append(f"  ... and {len(failures) - MOST_FAILURES_SHOWN:,} more (see --json)")
    if report.stopped:
        lines.append(f"Stopped early: {seen(report.stopped)}.")
    left = report.count(PushResult.LEFT)
    if left:
        lines.append(f"{_files(left)} not finished.")
    lines += [f"Note: {seen(note)}." for note in report.notes]
    if report.interrupted or left or failures:
        lines.append("Run the same command again to go on: what was sent and proven is kept.")
    return lines


def _headline(report: PushReport) -> str:
    total, already = len(report.outcomes), report.count(PushResult.ALREADY)
    now = report.count(PushResult.PROVEN)
    where = report.server
    if not total:
        return "There is no file under the given paths; nothing was sent."
    if already == total:
        return f"{total:,} of {total:,} files are already proven at the gateway; nothing was sent."
    if not now + already:
        return f"Nothing is proven yet: 0 of {_files(total)}."
    before = f", {already:,} of them before" if already else ""
    return (
        f"{now + already:,} of {total:,} files are proven at {where}{before}: sealed there with "
        f"the digest computed here. {amount(report.sent)} sent now, "
        f"in {report.seconds:,.0f} s."
    )


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"
