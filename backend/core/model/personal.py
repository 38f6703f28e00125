"""Kinds of personal data, and where a value of one stands in a text."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What sort of personal data it is; the value is what a placeholder says."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CARD = "CARD"
    RESIDENT = "RRN"
    """A Korean resident-registration or foreigner number."""
    IBAN = "IBAN"
    ACCOUNT = "ACCOUNT"
    """A Korean bank account."""
    PASSPORT = "PASSPORT"
    PERSON = "PERSON"
    """A name that is known from somewhere else; nothing looks for any."""


ALL_KINDS: Final = frozenset(Kind)


class Span(NamedTuple):
    """Where a value stands in a text."""

    start: int
    end: int
    kind: Kind


def in_order(kinds: Iterable[Kind]) -> list[Kind]:
    """The kinds as they are listed above, each once."""
    chosen = frozenset(kinds)
    return [kind for kind in Kind if kind in chosen]
