"""Users and organizations by id: learned from side-loads, asked for a hundred at a time where none told of them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, TypeVar

from msgspec import Struct

from backend.adapters.zendesk.client import PER_PAGE, ZendeskClient
from backend.adapters.zendesk.fields import Record, ident, text
from backend.core.errors import AppError
from backend.core.model.ticket import Organization, Person

_KEPT: Final = 100_000
"""So many of each are remembered; then all are asked for anew."""
_STAFF: Final = frozenset({"agent", "admin"})

T = TypeVar("T")


class User(Struct, frozen=True):
    """Somebody, and whether they work for the company."""

    person: Person
    staff: bool


class Shelf(Generic[T]):
    """One kind of record by id. Who asks at the same time asks together."""

    def __init__(self, client: ZendeskClient, name: str, read: Callable[[Record], T]) -> None:
        self._client = client
        self._name = name
        self._read = read
        self._known: dict[str, T | None] = {}
        self._wanted: set[str] = set()
        self._lock = asyncio.Lock()

    def learn(self, found: Iterable[Record]) -> None:
        """Remember records that came along."""
        if len(self._known) > _KEPT:
            self._known.clear()
        for record in found:
            key = ident(record, "id")
            if key is not None:
                self._known[key] = self._read(record)

    async def get(self, ids: Iterable[str]) -> Mapping[str, T]:
        """Those of these ids that there are. Where the role may not read them there are none."""
        ids = {key for key in ids if key.isdecimal()}
        if missing := {key for key in ids if key not in self._known}:
            self._wanted |= missing
            async with self._lock:
                await self._ask()
        return {key: value for key in ids if (value := self._known.get(key)) is not None}

    def known(self, ids: Iterable[str]) -> Mapping[str, T]:
        """Those of these ids that came along with something; nothing is asked for."""
        return {key: value for key in ids if (value := self._known.get(key)) is not None}

    async def _ask(self) -> None:
        while self._wanted:
            some = sorted(self._wanted)[:PER_PAGE]
            try:
                self.learn(await self._client.many(self._name, some))
            except AppError as error:
                if not self._client.is_absent(error, self._name):
                    raise
            self._wanted.difference_update(some)
            for key in some:
                # One that was deleted for ever is not asked for again.
                self._known.setdefault(key, None)


class People:
    """An account's users and organizations."""

    def __init__(self, client: ZendeskClient) -> None:
        self.users: Shelf[User] = Shelf(client, "users", user_of)
        self.organizations: Shelf[Organization] = Shelf(client, "organizations", _organization)

    def learn(self, body: Record) -> None:
        """Remember what was loaded beside tickets."""
        for name, shelf in (("users", self.users), ("organizations", self.organizations)):
            found = body.get(name)
            if isinstance(found, list):
                shelf.learn(entry for entry in found if isinstance(entry, dict))


def user_of(record: Record) -> User:
    """A user (https://developer.zendesk.com/api-reference/ticketing/users/users/); a role we don't know is a customer's."""
    person = Person(original_id=ident(record, "id") or "", name=text(record, "name"), email=text(record, "email"))
    return User(person, text(record, "role") in _STAFF)


def organization_of(key: str | None, known: Mapping[str, Organization]) -> Organization | None:
    """A ticket's organization; without a name where nobody told it."""
    return None if key is None else known.get(key) or Organization(original_id=key)


def _organization(record: Record) -> Organization:
    return Organization(original_id=ident(record, "id") or "", name=text(record, "name"))
