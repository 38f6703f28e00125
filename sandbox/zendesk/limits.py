"""The account's calls a minute, the help center's own, and the smaller limits of single endpoints.

https://developer.zendesk.com/api-reference/introduction/rate-limits/; header names and forms as recorded.
"""

import math
import time
from dataclasses import dataclass

from sandbox.bucket import Bucket
from sandbox.wire import Answer

_ENDPOINTS = {
    "/incremental/tickets/cursor": "incremental-exports-cursor",
    "/incremental/tickets": "incremental-exports",
    "/incremental/ticket_events": "incremental-exports",
    "/tickets": "tickets-index",
    "/ticket_fields": "ticket-fields-index",
}
_INDEX = {"tickets-index": 100, "ticket-fields-index": 200}


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request did to the limits; `retry_after` only where it was refused."""

    headers: dict[str, str]
    retry_after: int | None = None


class Limits:
    """The buckets of one account."""

    def __init__(self, quota: int, exports: int, window: float) -> None:
        self.resize(quota, exports, window)

    def resize(self, quota: int, exports: int, window: float) -> None:
        """Start over with other sizes."""
        self._account, self._help_center = Bucket(quota, window), Bucket(quota, window)
        scale = max(1, quota // 400)
        self._inner = {name: Bucket(total * scale, window) for name, total in _INDEX.items()}
        self._inner |= {name: Bucket(exports, window) for name in ("incremental-exports", "incremental-exports-cursor")}

    def spend(self, shape: str) -> Spent:
        """Count a request to `/api/v2<shape>`; a refused one counts nothing."""
        now = time.monotonic()
        helps = shape.startswith("/help_center")
        outer = self._help_center if helps else self._account
        name = _ENDPOINTS.get(shape.removesuffix(".json"), "")
        inner = self._inner.get(name)
        buckets = [bucket for bucket in (outer, inner) if bucket is not None]
        for bucket in buckets:
            bucket.roll(now)
        empty = next((bucket for bucket in buckets if bucket.used >= bucket.total), None)
        if empty is None:
            for bucket in buckets:
                bucket.used += 1
        headers = _told(outer, now, helps=helps)
        if inner is not None:
            left = math.ceil(inner.opened + inner.window - now)
            headers[f"zendesk-ratelimit-{name}"] = f"total={inner.total}; remaining={inner.remaining}; resets={left}"
        if empty is None:
            return Spent(headers)
        return Spent(headers, max(1, math.ceil(empty.opened + empty.window - now)))


def _told(bucket: Bucket, now: float, *, helps: bool) -> dict[str, str]:
    headers = {"x-rate-limit": str(bucket.total), "x-rate-limit-remaining": str(bucket.remaining)}
    if not helps:
        # Only Support answers carry these (as recorded).
        headers |= {
            "ratelimit-limit": str(bucket.total),
            "ratelimit-remaining": str(bucket.remaining),
            "ratelimit-reset": str(max(1, math.ceil(bucket.opened + bucket.window - now))),
        }
    return headers


def too_many(retry_after: float | None) -> Answer:
    """429, which is plain text here."""
    text = b"Number of allowed API requests per minute exceeded"
    answer = Answer(429, text, "text/plain; charset=utf-8")
    if retry_after is not None:
        answer.headers["Retry-After"] = f"{retry_after:g}"
    return answer
