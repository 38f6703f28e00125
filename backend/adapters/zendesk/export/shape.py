"""Zendesk's JSON and XML exports: their tickets, with the comments that stand in them.

https://support.zendesk.com/hc/en-us/articles/4408886165402 says how it is made. A record is the API's ticket with `comments`,
and beside the ids it has the records of the people, the group and the organization that they stand for.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
import orjson

from backend.adapters.archive import Archive
from backend.adapters.exports.source import Named
from backend.adapters.exports.walk import Row, Walk
from backend.adapters.http.once import Once
from backend.adapters.zendesk.comments import clean
from backend.adapters.zendesk.export.files import ORGANIZATIONS, TICKETS, USERS, files_of, small_records, unwrapped, whole
from backend.adapters.zendesk.fields import Record, child, ident, needed_ident, needed_moment, records
from backend.adapters.zendesk.names import Names
from backend.adapters.zendesk.normalize import gone_as, people_in
from backend.adapters.zendesk.people import Shelf, T, organization_of
from backend.adapters.zendesk.remake import beside_of, ticket_of_export
from backend.adapters.zendesk.source import ZendeskSource
from backend.adapters.zendesk.tickets import cursor_from, version_of
from backend.core.errors import AppError, Retry
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Stream
from backend.core.model.ticket import Attachment

_MOST: Final = 300_000
"""Users and organizations taken from files of their own: those beyond are asked of the API."""


class ZendeskShape:
    """What Zendesk's exports look like."""

    def __init__(self, archive: Archive, live: ZendeskSource) -> None:
        self._archive = archive
        self._live = live
        self._desk = live.desk
        self._names: Once[Names] = Once(self._read_names)
        self._learned: Once[bool] = Once(self._learn_files)
        self.alone = False
        """Turns True when the API refuses us, so that only the export tells names."""

    def walk(self, stream: Stream) -> Walk | None:
        """The files of tickets; no export has articles."""
        members = files_of(self._archive, TICKETS) if stream is Stream.TICKETS else []
        return Walk(self._archive, members) if members else None

    async def named(self, stream: Stream, row: Row) -> list[Named]:  # noqa: ARG002 - there is one stream
        """The ticket of a record, unless it was deleted."""
        record = whole(unwrapped(row.record or {}))
        if gone_as(record) is not None:
            return []
        changed = needed_moment(record, "updated_at")
        ref = ItemRef(
            doc_type=DocType.TICKET,
            original_id=needed_ident(record, "id"),
            version=version_of(record),
            hint={"at": changed.isoformat(), "export": record},
        )
        return [Named(ref, changed, needed_moment(record, "created_at"))]

    def id_of(self, stream: Stream, row: Row) -> str | None:  # noqa: ARG002 - there is one stream
        """The ticket's number, where it can be read."""
        return ident(unwrapped(row.record or {}), "id")

    async def item(self, ref: ItemRef) -> Fetched:
        """A ticket of its record; of the API, where the export brings no comments."""
        record = child(ref.hint, "export")
        if not isinstance(record.get("comments"), list):
            return await self._live.fetch(msgspec.structs.replace(ref, version="", hint={}))
        comments = [clean(comment) for comment in records(record, "comments")]
        await self._learned.get()
        self._desk.people.users.learn(each for name in ("requester", "submitter", "assignee") if "role" in (each := child(record, name)))
        self._desk.people.organizations.learn(each for name in ("organization",) if (each := child(record, name)))
        names = await self._names.get()
        organization_id = ident(record, "organization_id")
        users = await self._known(self._desk.people.users, people_in(record, comments))
        organizations = await self._known(self._desk.people.organizations, {organization_id} if organization_id else set())
        organization = organization_of(organization_id, organizations)
        whole = {**record, "comments": comments}
        ticket = ticket_of_export(whole, names, users, organization, site=self._desk.site)
        return Fetched(item=ticket, raw=orjson.dumps({"export": whole, "beside": beside_of(users, organization)}))

    async def file(self, attachment: Attachment, ref: ItemRef) -> Attachment:  # noqa: ARG002 - the address is a lasting one
        """The attachment as it is: Zendesk's addresses last, and lead to those that die."""
        return attachment

    async def ends(self) -> list[list[datetime]]:
        """Two calls: the ticket list by number, from its beginning and from its end."""
        pages = [await self._desk.client.ends(order) for order in ("id", "-id")]
        return [[needed_moment(record, "created_at") for record in page] for page in pages]

    def cursor(self, since: datetime, current: Cursor | None) -> Cursor | None:
        """The incremental export from a moment on; None where `current` is further."""
        return cursor_from(since, current)

    async def _known(self, shelf: Shelf[T], ids: set[str]) -> Mapping[str, T]:
        if not self.alone:
            try:
                return await shelf.get(ids)
            except AppError as error:
                self._refused(error)
        return shelf.known(ids)

    async def _read_names(self) -> Names:
        try:
            return await self._desk.names.get()
        except AppError as error:
            self._refused(error)
        return Names(fields={}, statuses={}, groups={}, brands={})

    def _refused(self, error: AppError) -> None:
        """Go on without the API where it refuses us; a helpdesk that is only down now is worth waiting for."""
        if error.retry is not Retry.CREDENTIALS:
            raise error
        self.alone = True

    async def _learn_files(self) -> bool:
        """Remember the people that files of their own tell of."""
        for kind, shelf in ((USERS, self._desk.people.users), (ORGANIZATIONS, self._desk.people.organizations)):
            shelf.learn(await asyncio.to_thread(self._records, kind))
        return True

    def _records(self, kind: str) -> list[Record]:
        return list(small_records(self._archive, kind, _MOST))
