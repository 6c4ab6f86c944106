"""Refuse a request in the JSON that Google's clients know how to read."""

from aiohttp import web

_STATUS_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_USAGE_REASONS = frozenset({"userRateLimitExceeded", "rateLimitExceeded", "storageQuotaExceeded"})


class DriveRefusal(Exception):
    """A request that the Drive will not serve; becomes the answer to it."""

    def __init__(self, status: int, reason: str, message: str, *, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self._message = message
        self._retry_after = retry_after

    def response(self) -> web.Response:
        """Give the answer: status, reason and sentence, each where a Google client looks for it."""
        domain = "usageLimits" if self.reason in _USAGE_REASONS else "global"
        detail = {"message": self._message, "domain": domain, "reason": self.reason}
        error = {"code": self.status, "message": self._message, "errors": [detail]}
        if self.status in _STATUS_WORDS:
            error["status"] = _STATUS_WORDS[self.status]
        headers = {"Retry-After": str(self._retry_after)} if self._retry_after else None
        return web.json_response({"error": error}, status=self.status, headers=headers)


class CutOff(Exception):
    """End this request by cutting its connection."""


def not_found(file_id: str) -> DriveRefusal:
    """Say that there is no such file, or none that this request may see."""
    return DriveRefusal(404, "notFound", f"File not found: {file_id}.")


def invalid(message: str, *, reason: str = "invalid") -> DriveRefusal:
    """Say what is wrong with the request."""
    return DriveRefusal(400, reason, message)
