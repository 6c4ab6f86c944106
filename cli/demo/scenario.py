"""`titip demo`: an outage from its beginning to its end, and every promise checked at the end.

Real processes on this machine: the stand-ins of registry and Drive, and `titip serve` between
them. The files travel through the real client, over a line that breaks when the story says so.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from cli.demo.environment import Server, standins
from cli.demo.files import sources_of
from cli.demo.narrator import Narrator, QuietFace
from cli.demo.outcome_check import PROMISES, Judgement, judge
from cli.demo.processes import until
from cli.demo.proxy import Break, Line
from cli.errors import CliError
from cli.output import table
from cli.screens.tables import status_json
from client.options import Patience, PushOptions
from client.push import push
from client.report import PushResult
from standin.remote_control import read_stats, set_mode
from titip.access import Role
from titip.text import amount, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cli.demo.environment import Standins
    from cli.demo.files import Source
    from client.report import PushReport

WORTH_BREAKING: Final = 256 << 10
"""Bytes: a smaller file is through before a line can be cut in its middle."""
RECOVERING_SECONDS: Final = 0.1
"""How slowly the registry answers at first when it is back."""
PER_FILE: Final = 1.0
"""Seconds more that every wait may last for each file, on a very slow machine."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demo is told: the files, where to work, and whether the Drive lies."""

    paths: Sequence[Path]
    folder: Path
    flip_byte: bool = False


def play(plot: DemoOptions, voice: Narrator) -> int:
    """Play the story and judge it; gives the exit code. Raises CliError where it got stuck."""
    sources = sources_of(plot.paths)
    with ExitStack() as stack:
        there = stack.enter_context(standins(plot.folder, flip_byte=plot.flip_byte))
        server = Server(plot.folder, there)
        stack.callback(server.stop)
        server.start()
        line = stack.enter_context(Line(server.port))
        options = PushOptions(
            server=line.url,
            token=server.token(Role.LO),
            state=plot.folder / "pushed.db",
            patience=Patience(give_up_after=60.0),
        )
        return _Scenario(sources, options, voice, there, server, line).tell()


@dataclass(frozen=True, slots=True)
class _Scenario:
    """One outage."""

    _sources: Sequence[Source]
    _options: PushOptions
    _voice: Narrator
    _there: Standins
    _server: Server
    _line: Line

    def tell(self) -> int:
        self._stall()
        self._hand_in()
        self._hand_in_the_largest()
        self._mirror()
        self._recover()
        report = self._hand_in_again()
        return self._judge(report)

    def _stall(self) -> None:
        self._voice.step(
            "The registry stalls.",
            "It still accepts connections, takes a whole file, and never answers.",
        )
        self._voice.say(f"registry (a stand-in) at {self._there.registry}: stalled")
        self._voice.say(f"titip serve at http://127.0.0.1:{self._server.port}: nobody told it")

    def _hand_in(self) -> None:
        files = self._sources[:-1]
        if not files:
            return
        self._voice.step(
            f"An LO hands in {count(len(files), 'file')}.",
            "Intake never waits for the registry: it answers as soon as the bytes are on the disk.",
        )
        report = self._push(files)
        stored = read_stats(self._there.registry)["received"]
        rate = report.sent / max(report.seconds, 0.001)
        self._voice.good(
            f"{count(len(files), 'file')}, {amount(report.sent)} in {report.seconds:.1f} s "
            f"({amount(int(rate))}/s, every file synced); the registry has taken {stored}"
        )

    def _hand_in_the_largest(self) -> None:
        largest = self._sources[-1]
        if largest.size < WORTH_BREAKING:
            self._voice.step("The last file.", "It is too small to be cut in its middle.")
        else:
            self._voice.step(
                f"The last file ({amount(largest.size)}): a cut line, then a killed server.",
                "An upload goes on at the byte the gateway has kept; kill -9 takes nothing of it.",
            )
            third = largest.size // 3
            cut = Break(third, lambda: self._voice.say("the line is cut in the middle of the file"))
            self._line.break_at(cut, Break(third, self._kill))
        self._push([largest])
        if self._line.resumed_at:
            offsets = " and ".join(f"{offset:,}" for offset in self._line.resumed_at)
            self._voice.say(f"it went on at byte {offsets} of {largest.size:,}")
        self._voice.good("handed in and proven: the digests at both ends are the same")

    def _kill(self) -> None:
        self._server.kill()
        self._voice.say("kill -9: the gateway and the sync daemon are gone")
        self._server.start()
        self._voice.say("started again, with no repair by hand")

    def _mirror(self) -> None:
        number = len(self._sources)
        self._voice.step(
            "The sync daemon notices, and mirrors to Google Drive.",
            "A stall is one fact, not a failure of every file: nothing more is sent there.",
        )
        self._until("the registry's circuit to open", self._is_stalled)
        self._voice.say(f"titip status: {status_json(self._server.settings)['headline']}")
        self._until("every file to be mirrored", lambda: self._has("mirror", "delivered", number))
        files = read_stats(self._there.drive)["files"]
        self._voice.good(f"Drive (a stand-in) has {count(files, 'file')}, verified by its digests")

    def _recover(self) -> None:
        number = len(self._sources)
        self._voice.step(
            "The registry recovers, slowly.",
            "One trial file goes first, then more and more at once: nothing overloads it again.",
        )
        set_mode(self._there.registry, "slow", seconds=RECOVERING_SECONDS)
        windows: list[int] = []

        def delivered() -> bool:
            health = self._destination("registry")["health"]
            if not health["stalled"]:
                windows.append(int(health["window"]))
            return self._has("registry", "delivered", number)

        self._until("every file to be delivered", delivered)
        grown = [windows[0], *(b for a, b in pairwise(windows) if a != b)] if windows else [1]
        self._voice.say(f"files at once: {', '.join(map(str, grown))}")
        peak = read_stats(self._there.registry)["peak_in_flight"]
        self._voice.good(f"{count(number, 'file')} delivered; never more than {peak} at once")

    def _hand_in_again(self) -> PushReport:
        self._voice.step(
            "The LO runs the same command again.",
            "Whoever is unsure may always do so: what is proven is not sent twice.",
        )
        report = self._push(self._sources)
        already = report.count(PushResult.ALREADY)
        tell = self._voice.good if already == len(self._sources) else self._voice.bad
        tell(f"{already} of {len(self._sources)} proven already; {amount(report.sent)} sent")
        return report

    def _judge(self, report: PushReport) -> int:
        self._voice.step(
            "The judge reads every copy anew.",
            "Not what the systems say of themselves: the bytes on their disks, file by file.",
        )
        found = judge(self._sources, report, server=self._server, there=self._there)
        sent_again = report.count(PushResult.PROVEN)
        for promise in PROMISES:
            kept = found.kept(promise)
            tell = self._voice.good if kept == found.files else self._voice.bad
            tell(f"{kept} of {found.files} {promise}")
        for breach in found.breaches:
            word = breach.promise.partition(":")[0]
            self._voice.bad(f"NOT {word}: {breach.file}: {breach.found}")
        self._voice.show(_numbers(found))
        if found.breaches or found.duplicates or sent_again:
            self._voice.bad("A promise was broken.")
            return 1
        self._voice.good(f"Every promise was kept, in {self._voice.seconds:.0f} s.")
        return 0

    def _push(self, sources: Sequence[Source]) -> PushReport:
        report = push(
            [source.path for source in sources], self._options, face=QuietFace(self._voice)
        )
        if report.interrupted:
            raise KeyboardInterrupt
        if report.exit_code:
            why = report.stopped or "; ".join(one.reason for one in report.failures)
            raise CliError(f"The files could not all be handed in: {why}.")
        return report

    def _destination(self, name: str) -> Any:  # noqa: ANN401 - JSON
        status = self._server.ask("/api/status")
        return next(one for one in status["destinations"] if one["name"] == name)

    def _is_stalled(self) -> bool:
        health = self._destination("registry")["health"]
        return bool(health and health["stalled"])

    def _has(self, name: str, state: str, number: int) -> bool:
        return bool(self._destination(name)["counts"].get(state, 0) >= number)

    def _until(self, what: str, fact: Callable[[], bool]) -> None:
        until(what, fact, within=30.0 + PER_FILE * len(self._sources))


def _numbers(found: Judgement) -> object:
    row = (
        f"{found.files:,} ({amount(found.size)})",
        f"{found.mirrored:,}",
        f"{found.delivered:,}",
        f"{found.verified:,}",
        f"{found.duplicates:,}",
        f"{found.attempts:,}",
    )
    columns = ("handed in", "mirrored", "delivered", "verified", "duplicates", "attempts")
    return table(*columns, right=columns, rows=[row])


def next_steps(folder: Path, *, kept: bool) -> Iterator[str]:
    """Say where to look next."""
    if kept:
        yield f"All of it is kept in {folder}: titip.toml, data, drive, registry, and the logs."
        yield f"  titip status --config {folder / 'titip.toml'}"
        yield f"  titip uploads --config {folder / 'titip.toml'}"
    else:
        yield "Nothing was left behind. To look at the journal and the logs: titip demo --keep DIR"
    yield "To use it: titip serve, then titip check; titip --help tells the rest."
