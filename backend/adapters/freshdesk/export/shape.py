"""Freshdesk's account export: its records as tickets, articles and canned responses."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
import orjson

from backend.adapters.archive import Archive
from backend.adapters.exports.source import Named
from backend.adapters.exports.walk import Row, Walk
from backend.adapters.freshdesk.client import PER_PAGE
from backend.adapters.freshdesk.export.files import files_of_stream, is_archived
from backend.adapters.freshdesk.export.names import ExportNames
from backend.adapters.freshdesk.export.solutions import articles_in, canned_in
from backend.adapters.freshdesk.exported import article_record, ticket_record, unwrapped
from backend.adapters.freshdesk.fields import Record, ident, needed_ident, needed_moment, record_of, text
from backend.adapters.freshdesk.knowledge import article_ref, canned_ref
from backend.adapters.freshdesk.normalize import presence_of
from backend.adapters.freshdesk.normalize_article import CANNED, Folder, article_of, canned_of
from backend.adapters.freshdesk.remake import BesideExport, authors_of, ticket_of_export
from backend.adapters.freshdesk.renewal import Renewals
from backend.adapters.freshdesk.source import FreshdeskSource
from backend.adapters.freshdesk.tickets import cursor_from
from backend.adapters.freshdesk.walk import EVER
from backend.core.errors import AppError
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Stream
from backend.core.model.ticket import Attachment, Presence, Ticket


class FreshdeskShape:
    """What Freshdesk's account export looks like."""

    def __init__(self, archive: Archive, live: FreshdeskSource) -> None:
        self._archive = archive
        self._live = live
        self._desk = live.desk
        self._names = ExportNames(archive, live.desk)
        self._renewals = Renewals(self._as_listed)

    @property
    def alone(self) -> bool:
        """Whether the helpdesk refused us, so that only the export tells names."""
        return self._names.alone

    def walk(self, stream: Stream) -> Walk | None:
        """The files of a stream; None where the export has none."""
        members = files_of_stream(self._archive, stream)
        return Walk(self._archive, members) if members else None

    async def named(self, stream: Stream, row: Row) -> list[Named]:
        """The ticket of a record, unless it is in the trash or spam; the articles of a category, the responses of a folder."""
        record = unwrapped(row.record or {})
        if stream is Stream.TICKETS:
            return self._ticket(record, row)
        if "canned_responses" in record:
            return [Named(canned_ref(response, text(record, "name"))) for response in canned_in(record)]
        language = await self._names.language()
        return [_article(*each) for each in _articles(record, language)]

    def id_of(self, stream: Stream, row: Row) -> str | None:
        """The ticket's number, where it can be read."""
        record = unwrapped(row.record or {})
        try:
            return ident(record, "display_id") if stream is Stream.TICKETS else None
        except AppError:
            return None

    async def item(self, ref: ItemRef) -> Fetched:
        """A ticket, an article or a canned response of its record."""
        if ref.doc_type is DocType.ARTICLE:
            return await self._article(ref)
        exported = record_of(ref.hint["ticket"], "helpdesk_ticket")
        record = ticket_record(exported)
        organization = await self._names.company(ident(record, "company_id"))
        beside = BesideExport(
            requester=await self._names.requester(record),
            people=authors_of(exported, await self._names.people()),
            organization=organization.name if organization is not None else "",
            satisfaction=None if ref.presence is Presence.ARCHIVED else await self._names.rating(ref.original_id),
            presence=ref.presence,
        )
        ticket: Ticket = ticket_of_export(exported, await self._names.labels(), beside, site=self._desk.site)
        return Fetched(item=ticket, raw=orjson.dumps({"export": exported, "beside": msgspec.to_builtins(beside)}))

    async def file(self, attachment: Attachment, ref: ItemRef) -> Attachment:
        """The attachment as the API shows it now: all of an item's with one call. The address of a picture in a text never dies."""
        if attachment.inline and attachment.url:
            return attachment
        url, _ = await self._renewals.url(attachment, ref, None)
        return msgspec.structs.replace(attachment, url=url or attachment.url)

    async def ends(self) -> list[list[datetime]]:
        """Two calls: the ticket list by creation, from its beginning and from its end."""
        query: dict[str, str | int] = {"updated_since": EVER, "order_by": "created_at", "per_page": PER_PAGE, "page": 1}
        pages = [await self._desk.client.ticket_page({**query, "order_type": order}) for order in ("asc", "desc")]
        return [[needed_moment(record, "created_at") for record in page] for page in pages]

    def cursor(self, since: datetime, current: Cursor | None) -> Cursor | None:
        """The ticket list from a moment on; None where `current` is further."""
        return cursor_from(since, current)

    async def _as_listed(self, ref: ItemRef) -> Fetched:
        """As one that a list named: only its files are wanted, so neither requester nor rating is asked for."""
        return await self._live.fetch(msgspec.structs.replace(ref, hint={"requester": {"name": "-"}}))

    def _ticket(self, record: Record, row: Row) -> list[Named]:
        if presence_of(record) is not Presence.LIVE:
            return []
        changed = needed_moment(record, "updated_at")
        ref = ItemRef(
            doc_type=DocType.TICKET,
            original_id=needed_ident(record, "display_id"),
            version=changed.isoformat(),
            presence=Presence.ARCHIVED if is_archived(row.file) else Presence.LIVE,
            hint={"at": changed.isoformat(), "ticket": record},
        )
        made = needed_moment(record, "created_at")
        # The API lists no archived tickets: they prove nothing of what it lists.
        return [Named(ref, changed, None if ref.presence is Presence.ARCHIVED else made)]

    async def _article(self, ref: ItemRef) -> Fetched:
        hint = ref.hint
        if ref.original_id.startswith(CANNED):
            record = record_of(hint["canned"], "canned_response")
            folder_name, language = text(hint, "folder"), await self._names.language()
            raw = orjson.dumps({"export": {"canned": record, "folder": folder_name, "language": language}})
            return Fetched(item=canned_of(record, folder_name, language), raw=raw)
        records = {str(key): record_of(value, "article") for key, value in hint["articles"].items()}
        folder = msgspec.convert(hint["place"], Folder)
        return Fetched(item=article_of(records, folder, site=self._desk.site), raw=orjson.dumps({"export": dict(hint)}))


def _article(article_id: str, records: Mapping[str, Record], folder: Folder) -> Named:
    ref = article_ref(article_id, records, folder)
    return Named(msgspec.structs.replace(ref, hint={**ref.hint, "place": msgspec.to_builtins(folder)}))


def _articles(category: Record, language: str) -> list[tuple[str, Mapping[str, Record], Folder]]:
    return [
        (needed_ident(article, "id"), {text(article, "language") or language: article_record(article)}, place)
        for place, article in articles_in(category)
    ]
