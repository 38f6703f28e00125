"""Failures on demand: what a client must live through, switched on by tests and demonstrations."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

Kind = Literal[
    "429", "429_no_retry_after", "500", "502_html", "timeout", "reset", "truncated_json", "malformed",
    "401", "403", "404_unknown_domain", "expired_url", "html_200",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One order to fail: it hits requests whose path and query match, `times` times (None: always), after `after` of them went well."""

    match: str
    kind: Kind
    times: int | None = 1
    after: int = 0
    #: Retry-After of a 429, length of a timeout.
    seconds: float = 1.0


@dataclass(slots=True)
class _Armed:
    fault: Fault
    pattern: re.Pattern[str]
    seen: int = 0
    hits: int = 0


class Faults:
    """The orders in force; the first that matches wins."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> None:
        """Put an order in force; a bad pattern raises `re.error`."""
        self._armed.append(_Armed(fault, re.compile(fault.match)))

    def clear(self) -> None:
        """Let everything work again."""
        self._armed.clear()

    def report(self) -> list[dict[str, object]]:
        """What is in force and how often it struck."""
        return [{**msgspec.structs.asdict(armed.fault), "hits": armed.hits} for armed in self._armed]

    def strike(self, address: str) -> Fault | None:
        """The fault this request meets, if any."""
        for armed in self._armed:
            if not armed.pattern.search(address):
                continue
            armed.seen += 1
            if armed.seen <= armed.fault.after:
                continue
            if armed.fault.times is not None and armed.hits >= armed.fault.times:
                continue
            armed.hits += 1
            return armed.fault
        return None
