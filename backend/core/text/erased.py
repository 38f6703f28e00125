"""Tell an erased person by keyed hashes alone, and put a neutral word in the place of what names them.

Addresses and phone numbers are told by hash wherever they stand. A name is shared by many people: it is replaced only in an item in whose
records the person is, and there so are its parts.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from backend.core.model.erasure import PLACEHOLDER, Named
from backend.core.model.personal import Kind
from backend.core.text.personal import find, find_emails

_PHONE_DIGITS: Final = 9
"""The last digits of a number: the same with a country code and without."""
_FEWEST_DIGITS: Final = 7
_PHONE: Final = "phone"
_ADDRESS_FIELDS: Final = frozenset({"email", "address", "from_email", "email_address"})
"""Fields of a helpdesk's record that say whose record it is."""
_NAME_FIELDS: Final = frozenset({"name", "first_name", "last_name", "full_name", "display_name", "alias"})
_NUMBER_FIELDS: Final = frozenset({"phone", "mobile", "twitter_id", "facebook_id", "unique_external_id"})
_STRUCTURE: Final = frozenset(
    (
        "status",
        "priority",
        "type",
        "ticket_type",
        "channel",
        "role",
        "kind",
        "locale",
        "language",
        "time_zone",
        "content_type",
        "created_at",
    )
)
"""Fields whose words mean something to a program: a person called Mark or Open must not change them."""
_HANGUL: Final = "가-힣"
_SPACE: Final = re.compile(r"\s+")
_MARKED: Final = re.compile(r"[@＠0-9０-９]|%40")


class Marks(Struct, frozen=True, kw_only=True):
    """The keyed hashes of a tenant's erased people. Good for other processes."""

    key: bytes = b""
    hashes: frozenset[str] = frozenset()
    without_files: frozenset[str] = frozenset()
    """Those of `hashes` whose files are erased on arrival too."""
    with_numbers: bool = True
    """Whether a phone number is among them: to look for those takes most of the time."""

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def email(self, address: str) -> bool:
        """Whether this is an erased person's address."""
        return any(each in self.hashes for each in self._of_email(address))

    def phone(self, number: str) -> bool:
        """Whether this is an erased person's number."""
        return hash_of(self.key, _PHONE, phone_key(number)) in self.hashes

    def person(self, person_id: str) -> bool:
        """Whether the helpdesk's person of this id is erased."""
        return hash_of(self.key, "person", person_id) in self.hashes

    def takes_files(self, email: str, person_id: str) -> bool:
        """Whether this person's files go too."""
        mine = (*self._of_email(email), hash_of(self.key, "person", person_id))
        return any(each in self.without_files for each in mine)

    def _of_email(self, address: str) -> Iterator[str]:
        plain = email_key(address)
        for each in dict.fromkeys((plain, plain.strip("_+"))):
            yield hash_of(self.key, "email", each)


def marks_by(key: bytes, hashes: Collection[str], without_files: Collection[str] = ()) -> Marks:
    """Marks of these hashes."""
    with_numbers = any(each.startswith(_PHONE) for each in hashes)
    return Marks(key=key, hashes=frozenset(hashes), without_files=frozenset(without_files), with_numbers=with_numbers)


def marks_of(key: bytes, named: Named) -> tuple[str, ...]:
    """The hashes of what a person is named by."""
    kinds = (("email", email_key(named.email)), (_PHONE, phone_key(named.phone)), ("person", named.person_id))
    return tuple(hash_of(key, kind, value) for kind, value in kinds if value)


@lru_cache(4_096)
def hash_of(key: bytes, kind: str, value: str) -> str:
    """HMAC-SHA256, in hex, behind what kind it is."""
    return f"{kind}:{hmac.new(key, value.encode(), hashlib.sha256).hexdigest()}"


def email_key(address: str) -> str:
    """An address as it is compared: its case and the width of its letters don't count."""
    return unicodedata.normalize("NFKC", address.strip().replace("%40", "@")).casefold()


def phone_key(number: str) -> str:
    """A phone number as it is compared; empty for what has too few digits."""
    digits = "".join(each for each in unicodedata.normalize("NFKC", number) if each.isdecimal())
    return digits[-_PHONE_DIGITS:] if len(digits) >= _FEWEST_DIGITS else ""


def is_email(text: str) -> bool:
    """Whether this is one address that would be found in a text."""
    return [(span.start, span.end, span.kind) for span in find(text)] == [(0, len(text), Kind.EMAIL)]


def is_phone(text: str) -> bool:
    """Whether this is one number that would be found in a text."""
    return [span.kind for span in find(text)] == [Kind.PHONE]


class Scrubber:
    """Replaces what names erased people in the texts of one item, and counts how often."""

    def __init__(self, marks: Marks, names: Iterable[str] = (), *, parts: bool = True) -> None:
        """With `names`, and with `parts` the parts of each."""
        self._marks = marks
        self._names: set[str] = set()
        self._parts = parts
        self._pattern: re.Pattern[str] | None = None
        self.hits = 0
        """How many texts were changed."""
        self.learn(names)

    @property
    def names(self) -> frozenset[str]:
        """The names and numbers that were learned."""
        return frozenset(self._names)

    def learn(self, names: Iterable[str]) -> None:
        """Replace these too: names and numbers that the person's own records tell."""
        fresh = {name for each in names if len(name := _SPACE.sub(" ", each).strip()) > 1 and PLACEHOLDER not in name and "@" not in name}
        if not fresh <= self._names:
            self._names |= fresh
            self._pattern = pattern_of(self._names, parts=self._parts)

    def text(self, text: str) -> str:
        """The text without them."""
        changed = self._told(text) if _MARKED.search(text) else text
        if self._pattern is not None:
            changed = self._pattern.sub(PLACEHOLDER, changed)
        self.hits += changed != text
        return changed

    def holds(self, text: str) -> bool:
        """Whether the text names them."""
        before = self.hits
        changed = self.text(text) != text
        self.hits = before
        return changed

    def look(self, value: Any) -> None:
        """Learn names and numbers from the person's records in a payload."""
        if isinstance(value, dict):
            if self._is_theirs(value):
                self.learn(each for name, each in value.items() if name in _NAME_FIELDS | _NUMBER_FIELDS and isinstance(each, str))
            for each in value.values():
                self.look(each)
        elif isinstance(value, list):
            for each in value:
                self.look(each)

    def value(self, value: Any) -> Any:
        """A payload with each of its texts without them."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(name) if "@" in name else name: each if name in _STRUCTURE and isinstance(each, str) else self.value(each)
                for name, each in value.items()
            }
        return [self.value(each) for each in value] if isinstance(value, list) else value

    def _is_theirs(self, record: dict[str, Any]) -> bool:
        for name in _ADDRESS_FIELDS & record.keys():
            if isinstance(record[name], str) and self._marks.email(record[name]):
                return True
        for name in ("phone", "mobile"):
            if isinstance(record.get(name), str) and record[name] and self._marks.phone(record[name]):
                return True
        known = record.get("id")
        person = record.keys() & {"email", "first_name", "full_name"} and isinstance(known, int | str)
        return bool(person) and self._marks.person(str(known))

    def _told(self, text: str) -> str:
        pieces, end = [], 0
        for span in find(text) if self._marks.with_numbers else find_emails(text):
            said = text[span.start : span.end]
            theirs = (span.kind is Kind.EMAIL and self._marks.email(said)) or (span.kind is Kind.PHONE and self._marks.phone(said))
            if theirs:
                pieces += [text[end : span.start], PLACEHOLDER]
                end = span.end
        return "".join((*pieces, text[end:])) if pieces else text


def pattern_of(names: Collection[str], *, parts: bool) -> re.Pattern[str] | None:
    """What finds these names, with `parts` also the parts of each, the longest first; None for no name."""
    known = {part for name in names for part in _parts(name)} if parts else set(names)
    if not known:
        return None
    return re.compile("|".join(map(_one, sorted(known, key=lambda part: (-len(part), part)))), re.IGNORECASE)


def _parts(name: str) -> Iterator[str]:
    yield name
    if any(each.isdecimal() for each in name):
        return
    for word in name.split(" "):
        hangul = bool(re.fullmatch(f"[{_HANGUL}]+", word))
        if len(word) >= (2 if hangul else 3):
            yield word
        if hangul and len(word) == 3:
            yield word[1:]


def _one(part: str) -> str:
    text = r"\s+".join(map(re.escape, part.split(" ")))
    # A Korean name is followed by its particle without a blank.
    if re.match(f"[{_HANGUL}]", part):
        return rf"(?<![{_HANGUL}]){text}"
    return rf"(?<![A-Za-z0-9]){text}(?![A-Za-z0-9])"
