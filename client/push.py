"""Hand in files and folders, several at once, and tell truthfully what came of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING

from client.chunk_sizer import ChunkSizer
from client.errors import PushError, Stopped, unforeseen
from client.options import PushOptions
from client.plan import Fault, Item, walk
from client.progress.reporter import SteadyFace
from client.report import Notes, Outcome, PushReport, PushResult, outcome_of
from client.transfer.resume_store import ResumeStore, default_path
from client.transfer.retrier import ProgressClock, Retrier
from client.transfer.sender import Sender, Shared
from client.transfer.server_info import ServerInfo
from client.transport.connection import HttpConnection
from client.transport.environment import way_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from client.progress.reporter import ProgressReporter

__all__ = ["PushOptions", "PushReport", "push"]

GLANCE = 0.1
"""Seconds between looks at the workers: Windows hears Ctrl-C only between waits."""
FAREWELL = 0.7
"""Seconds that workers get to leave after a stop; one that is deep in a request dies with us."""


def push(paths: Sequence[Path], options: PushOptions, *, face: ProgressReporter) -> PushReport:
    """Hand everything under `paths` in and return once each file has its fate.

    Ctrl-C ends it within a second; what was reached is kept and the report says so. Raises
    StoreTrouble when the resume store cannot be opened, BadOptions when the proxy or the
    authorities that this machine names cannot work.
    """
    began = time.monotonic()
    way_to(options.server)
    store = ResumeStore.open(options.state or default_path())
    run = _Run(options, store=store, face=face)
    try:
        run.plan(paths)
        run.work()
    except KeyboardInterrupt:
        run.interrupted = True
    finally:
        all_left = run.dismiss()
        report = run.report(time.monotonic() - began)
        run.face.close(report)
        if all_left:
            store.close()
    return report


class _Run:
    """One push: the files, the workers, and what came of each file."""

    def __init__(self, options: PushOptions, *, store: ResumeStore, face: ProgressReporter) -> None:
        self.interrupted = False
        self._options = options
        self._notes = Notes()
        self.face = SteadyFace(face, notes=self._notes)
        self._shared = Shared(
            store=store,
            greeting=ServerInfo(options, store=store),
            face=self.face,
            again=options.again,
        )
        self._stop = threading.Event()
        self._pulse = ProgressClock()
        self._lock = threading.Lock()
        self._found: list[Item | Fault] = []
        self._outcomes: dict[Path, Outcome] = {}
        self._threads: list[threading.Thread] = []
        self._stopped = ""

    def plan(self, paths: Sequence[Path]) -> None:
        """Find the files; what cannot be read has failed already."""
        self._found.extend(walk(paths))
        size = sum(found.size for found in self._found if isinstance(found, Item))
        self.face.tell(lambda face: face.open(files=len(self._found), size=size))
        for found in self._found:
            if isinstance(found, Fault):
                self._settle(outcome_of(found, PushResult.FAILED))

    def work(self) -> None:
        """Let the workers take file after file until none is left or somebody calls a halt."""
        pending = deque(found for found in self._found if isinstance(found, Item))
        for number in range(min(self._options.parallel, len(pending))):
            # A daemon, so that one deep in a request cannot keep the program from ending.
            thread = threading.Thread(
                target=self._serve, args=(pending,), name=f"push-{number}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:
                if not self._threads:
                    self._halt(unforeseen(error))
                break  # fewer than asked for are enough
            self._threads.append(thread)
        while not self._stop.is_set() and any(thread.is_alive() for thread in self._threads):
            for thread in self._threads:
                thread.join(GLANCE / len(self._threads))

    def dismiss(self) -> bool:
        """Call the workers off; tell whether every one has left."""
        self._stop.set()
        until = time.monotonic() + FAREWELL
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def report(self, seconds: float) -> PushReport:
        """Sum up; a file without a fate was left."""
        with self._lock:
            outcomes = tuple(
                self._outcomes.get(found.path) or outcome_of(found, PushResult.LEFT)
                for found in self._found
            )
        return PushReport(
            server=self._options.server,
            outcomes=outcomes,
            seconds=seconds,
            interrupted=self.interrupted,
            stopped=self._stopped,
            notes=self._notes.all(),
        )

    def _serve(self, pending: deque[Item]) -> None:
        """Be one worker. None ends without a word: what is no file's own fault halts the run."""
        try:
            with closing(HttpConnection(self._options, stop=self._stop, notes=self._notes)) as wire:
                sender = Sender(
                    wire,
                    shared=self._shared,
                    pace=ChunkSizer(self._options.chunks),
                    persistence=Retrier(self._options.patience, stop=self._stop, pulse=self._pulse),
                )
                self._hand_in(pending, sender)
        except Stopped:
            return
        except PushError as reason:
            self._halt(str(reason))
        except BaseException as fault:  # noqa: BLE001 - a thread's end is no news to anybody
            self._halt(unforeseen(fault))

    def _hand_in(self, pending: deque[Item], sender: Sender) -> None:
        while not self._stop.is_set():
            try:
                item = pending.popleft()
            except IndexError:
                return
            self._settle(sender.hand_in(item))

    def _halt(self, reason: str) -> None:
        self._stopped = self._stopped or reason
        self._stop.set()

    def _settle(self, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes[outcome.path] = outcome
        self.face.tell(lambda face: face.finish(outcome))
