"""Which group of a helpdesk a ticket belongs to, and of which groups' tickets a caller may know (SPEC D3).

A group has up to two marks: `freshdesk:43000123` by its id, which stays, and `=billing` by its name, as people write it.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_BY_ID: Final = re.compile(r"[a-z][a-z0-9_-]{0,30}:[0-9]{1,30}")


def marks_of(platform: str, group_id: str | None, name: str | None) -> tuple[str, ...]:
    """The marks of a ticket's group; none where the ticket is in no group, or nobody knows in which."""
    by_name = _by_name(name) if name else ""
    return tuple(mark for mark in (f"{platform}:{group_id}" if group_id else "", by_name) if len(mark) > 1)


def mark_of(text: str) -> str:
    """The mark of a group as people name it: `freshdesk:43000123`, or its name in any case."""
    text = text.strip()
    return text if _BY_ID.fullmatch(text) else _by_name(text)


def marks(texts: Iterable[str] | None) -> frozenset[str] | None:
    """Of a restriction as it was written; None: there is none."""
    return None if texts is None else frozenset(mark_of(text) for text in texts)


def named(found: Iterable[str]) -> list[str]:
    """Marks as people read them, in order."""
    return sorted(mark.removeprefix("=") for mark in found)


def is_id(mark: str) -> bool:
    """Whether it is the mark of an id."""
    return not mark.startswith("=")


def unknown(texts: Iterable[str], there: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Those of a restriction, as they were written, that are none of the groups that are there, each given by its marks."""
    known = {mark for group in there for mark in group}
    return tuple(text for text in texts if mark_of(text) not in known)


def told(there: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Each group as people write it in a restriction: by its name, or else by its id; in order."""
    return tuple(named({max(group, key=lambda mark: not is_id(mark)) for group in map(tuple, there)}))


def both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """What two restrictions leave together."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def covers(wide: frozenset[str] | None, narrow: frozenset[str] | None) -> bool:
    """Whether who is restricted to `wide` may see all that `narrow` leaves."""
    return wide is None or (narrow is not None and narrow <= wide)


def _by_name(name: str) -> str:
    # Korean typed on a Mac may come apart into its letters: it is the same name.
    return "=" + " ".join(unicodedata.normalize("NFC", name).casefold().split())
