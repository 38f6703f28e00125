"""One vendor's ways as data: what its answers mean and how it counts calls."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from msgspec import Struct

from backend.adapters.http.verdict import Verdict
from backend.core.errors import AppError
from backend.core.model.quota import Call, Reading


class Answer(Struct, frozen=True, kw_only=True):
    """What the vendor answered; `value` is its JSON where the verdict was OK."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes
    value: Any = None

    @property
    def is_html(self) -> bool:
        """Whether it is a web page: some proxy, a maintenance or a log-in page, but not the API."""
        return self.headers.get("Content-Type", "").startswith("text/html") or self.body[:64].lstrip().startswith(b"<")

    @property
    def told(self) -> dict[str, Any]:
        """The JSON object of the body, whatever the status; empty where there is none."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}


class QuotaRules(Struct, frozen=True, kw_only=True):
    """How one vendor counts calls."""

    call_of: Callable[[str], Call]
    """The kind and the expected cost of a GET of a target (path and query)."""
    read: Callable[[Call, Mapping[str, str]], tuple[Reading, ...]]
    """What the headers of an answer (names in any case) tell; a quota that can't be read is left out."""
    used: Callable[[Mapping[str, str]], int | None] = lambda _: None
    """The credits a call took, where the vendor tells."""


class Vendor(Struct, frozen=True, kw_only=True):
    """What one vendor's API does its own way, as data."""

    name: str
    verdicts: Mapping[int, Verdict]
    """Where it differs from the default table."""
    explain: Callable[[Answer], AppError]
    """The error for an answer whose verdict is SKIP or REFUSE."""
    quota: QuotaRules
