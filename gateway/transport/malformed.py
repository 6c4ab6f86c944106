"""What is answered to errors of the framework, above all where HTTP itself was not kept to.

Nothing of what was said is repeated: whoever says nonsense may say it about others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from gateway.protocol import problems
from gateway.protocol.tus import VERSION

if TYPE_CHECKING:
    from gateway.protocol.problems import Problem

_HEADERS: Final = {
    "Content-Type": problems.MEDIA_TYPE,
    "Cache-Control": "no-store",
    "Tus-Resumable": VERSION,
    "Server": "titip",
    "Connection": "close",
}

_BY_STATUS: Final = {404: problems.NOT_FOUND, 413: problems.TOO_LARGE}

_NOT_HTTP: Final = problems.BAD_REQUEST.because("Send a well-formed request of HTTP/1.1.")


def problem_of(error: BaseException | None) -> Problem:
    """Tell what the framework found wrong with a request, or with what was to be one."""
    match error:
        case LineTooLong():
            return problems.HEAD_TOO_LARGE
        case HttpProcessingError() | UnicodeError():  # a header that the framework would repeat
            return _NOT_HTTP
        case web.HTTPMethodNotAllowed():
            return problems.NO_METHOD.with_headers({"Allow": error.headers["Allow"]})
        case web.HTTPException():
            other = problems.Problem("http", error.status, error.reason)
            return _BY_STATUS.get(error.status, other)
        case _:
            return problems.FAILED


def response(problem: Problem) -> web.Response:
    """Give the answer, after which the connection ends."""
    headers = {**_HEADERS, **problem.headers}
    answer = web.Response(status=problem.status, body=_body(problem), headers=headers)
    answer.force_close()
    return answer


def turned_away(problem: Problem) -> bytes:
    """Give the whole answer for a connection on which no request is awaited."""
    body = _body(problem)
    headers = {
        **_HEADERS,
        **problem.headers,
        "Content-Length": str(len(body)),
        "Retry-After": str(problems.RETRY_AFTER),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {problem.status} {problem.title}\r\n{lines}\r\n".encode() + body


def _body(problem: Problem) -> bytes:
    return json.dumps(problem.as_json()).encode()
