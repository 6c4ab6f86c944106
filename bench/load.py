"""The load generator: a process of its own, so that its work is not taken for the server's.

Reads a plan as JSON from standard input and writes what it measured as JSON to standard output.
It does as little as it can: prepared requests on open connections, and one look at each answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING, Final

from bench.wire import Blocking, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MIB: Final = 1 << 20
METADATA: Final = "filename Zm9ybS5wZGY="  # form.pdf
PROTOCOL: Final = "Tus-Resumable: 1.0.0\r\n"
OCTETS: Final = "Content-Type: application/offset+octet-stream\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be handed in, where, and how.

    `way`: "post" (creation with the bytes), "patch" (creation, then one PATCH), "whole" (one big
    file in one PATCH), "chunks" (one big file, `chunk` bytes in each PATCH). Sizes in bytes.
    """

    port: int
    path: str
    headers: Mapping[str, str]
    way: str
    files: int = 1
    connections: int = 1
    size: int
    chunk: int = 0

    def creation(self, *, body: int) -> bytes:
        """Give the head of a creation that brings so many bytes."""
        told = f"Upload-Length: {self.size}\r\nUpload-Metadata: {METADATA}\r\n"
        return self.head("POST", self.path, told + (OCTETS if body else ""), body)

    def appending(self, path: str, *, offset: int, body: int) -> bytes:
        """Give the head of a PATCH."""
        return self.head("PATCH", path, f"Upload-Offset: {offset}\r\n{OCTETS}", body)

    def head(self, method: str, path: str, told: str, body: int = 0) -> bytes:
        """Give the head of a request; `told` are header lines of its own."""
        own = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        host = f"Host: 127.0.0.1:{self.port}\r\n"
        length = f"Content-Length: {body}\r\n"
        return f"{method} {path} HTTP/1.1\r\n{host}{PROTOCOL}{own}{told}{length}\r\n".encode()


async def many_small(plan: Plan) -> dict[str, float]:
    """Hand many files in over several connections; the clock starts once all are open."""
    body = os.urandom(plan.size)
    wires = [await Wire.to(plan.port) for _ in range(plan.connections)]
    hand_in: Callable[[Plan, Wire, bytes], object] = _post if plan.way == "post" else _patch
    left = iter(range(plan.files))
    seconds: list[float] = []

    async def work(wire: Wire) -> None:
        for _ in left:
            begun = time.perf_counter()
            await hand_in(plan, wire, body)  # type: ignore[misc]
            seconds.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*map(work, wires))
    took = time.perf_counter() - begun
    for wire in wires:
        wire.close()
    cpu = time.process_time() / plan.files
    return {"rate": plan.files / took, **waits(seconds), "load_cpu": cpu}


def waits(seconds: Sequence[float]) -> dict[str, float]:
    """Give the waits for an answer that half, and all but one of a hundred, stayed under."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": cuts[49] * 1000, "p99_ms": cuts[98] * 1000}


async def _post(plan: Plan, wire: Wire, body: bytes) -> None:
    reply = await wire.ask(plan.creation(body=len(body)), body)
    reply.must_be(201, offset=len(body))


async def _patch(plan: Plan, wire: Wire, body: bytes) -> None:
    made = await wire.ask(plan.creation(body=0))
    path = made.must_be(201).location()
    reply = await wire.ask(plan.appending(path, offset=0, body=len(body)), body)
    reply.must_be(204, offset=len(body))


def one_big(plan: Plan) -> dict[str, float]:
    """Hand one file in; the clock covers creation and every byte up to the last answer."""
    block = os.urandom(MIB)
    with Blocking(plan.port) as wire:
        begun = time.perf_counter()
        path = wire.ask(plan.creation(body=0)).must_be(201).location()
        step = plan.chunk or plan.size
        for offset in range(0, plan.size, step):
            body = min(step, plan.size - offset)
            head = plan.appending(path, offset=offset, body=body)
            wire.ask(head, block=block, length=body).must_be(204, offset=offset + body)
        took = time.perf_counter() - begun
    return {"rate": plan.size / MIB / took, "seconds": took}


def main() -> None:
    """Carry one plan out."""
    plan = Plan(**json.load(sys.stdin))
    if plan.way in {"whole", "chunks"}:
        result = one_big(plan)
    else:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            result = runner.run(many_small(plan))
    print(json.dumps(result))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
