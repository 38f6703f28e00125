"""Who and what the ids in an export stand for: as the helpdesk's API tells, so that both make the same of a ticket.

Where the API refuses us, the export's own files tell what they know: agents, groups, companies and users, and each ticket
the name of its status. Labels of custom fields and ratings stand in no export.
"""

import asyncio
from typing import Any, Final

from backend.adapters.archive import Archive
from backend.adapters.freshdesk.export.files import AGENTS, COMPANIES, GROUPS, USERS, small_records
from backend.adapters.freshdesk.exported import people_of
from backend.adapters.freshdesk.fields import Record, ident, text
from backend.adapters.freshdesk.names import Names
from backend.adapters.freshdesk.source import Desk
from backend.adapters.http.once import Once
from backend.core.errors import AppError, Retry
from backend.core.model.ticket import Organization, Person

_MOST: Final = 300_000
"""Users kept by name: people in copy beyond are known by their ids."""


class ExportNames:
    """Names for the records of one export."""

    def __init__(self, archive: Archive, desk: Desk) -> None:
        self._archive = archive
        self._desk = desk
        self.alone = False
        """Turns True when the API refuses us."""
        self._names: Once[tuple[Names, bool]] = Once(self._read_names)
        self._users: Once[dict[str, Person]] = Once(self._read_users)
        self._companies: Once[dict[str, Organization]] = Once(self._read_companies)

    async def labels(self) -> Names:
        """Labels by id."""
        names, _ = await self._names.get()
        return names

    async def people(self) -> dict[str, Person]:
        """Users by id."""
        return await self._users.get()

    async def requester(self, ticket: Record) -> dict[str, Any] | None:
        """The requester as the API includes it; of the export's users where the ticket does not tell."""
        told = ticket.get("requester")
        if isinstance(told, dict) and (told.get("name") or told.get("email")):
            return told
        person = (await self._users.get()).get(ident(ticket, "requester_id") or "")
        return {"name": person.name, "email": person.email} if person is not None else None

    async def company(self, company_id: str | None) -> Organization | None:
        """A company; with an empty name where nobody tells it."""
        if company_id is None:
            return None
        _, asked = await self._names.get()
        if asked:
            return await self._desk.directory.company(company_id)
        return (await self._companies.get()).get(company_id) or Organization(original_id=company_id)

    async def rating(self, ticket_id: str) -> str | None:
        """A ticket's newest rating in words; None where the API does not tell."""
        _, asked = await self._names.get()
        return (await self._desk.directory.ratings.get()).get(ticket_id) if asked else None

    async def language(self) -> str:
        """The knowledge base's primary one: the export tells none."""
        _, asked = await self._names.get()
        return (await self._desk.knowledge.languages.get())[0] if asked else "en"

    async def _read_names(self) -> tuple[Names, bool]:
        """The API's names; the export's where it refuses us."""
        try:
            return await self._desk.directory.names.get(), True
        except AppError as error:
            # A helpdesk that is only down now is worth waiting for: what is read without its names would differ from what it tells.
            if error.retry is not Retry.CREDENTIALS:
                raise
        self.alone = True
        agents, groups = await asyncio.to_thread(lambda: (people_of([*self._records(AGENTS)]), _named([*self._records(GROUPS)])))
        return Names(agents=agents, groups=groups, products={}, statuses={}, fields={}, sources={}), False

    async def _read_users(self) -> dict[str, Person]:
        return await asyncio.to_thread(lambda: people_of([*self._records(USERS)]))

    async def _read_companies(self) -> dict[str, Organization]:
        named = await asyncio.to_thread(lambda: _named([*self._records(COMPANIES)]))
        return {key: Organization(original_id=key, name=name) for key, name in named.items()}

    def _records(self, kind: str) -> list[Record]:
        return list(small_records(self._archive, kind, _MOST))


def _named(records: list[Record]) -> dict[str, str]:
    return {key: text(record, "name") for record in records if (key := ident(record, "id")) is not None}
