"""Birchdesk behind the Source port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from backend.adapters.http.client import HttpClient, Patience
from backend.adapters.http.download import DeadUrlError, Downloads, no_file
from backend.adapters.http.guard import Guard
from backend.adapters.http.origin import Origin
from backend.core.model.connection import CredentialReport
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunOptions, Stream
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Attachment, Presence
from backend.core.ports.budget import Spender
from backend.core.ports.source import Capabilities, SourceQuota

from desklore_birchdesk.client import Client, Entry
from desklore_birchdesk.errors import VENDOR
from desklore_birchdesk.normalize import article_of, ticket_of
from desklore_birchdesk.payloads import ArticlePayload, TicketPayload
from desklore_birchdesk.verify import verify
from desklore_birchdesk.walk import advance, begin, stamp_of, wanted

_LISTS = {Stream.TICKETS: "tickets", Stream.ARTICLES: "articles", Stream.DELETIONS: "deleted"}
_GONE = {"spam": Presence.SPAM}


class BirchdeskSource:
    """One Birchdesk account, read with one token."""

    def __init__(
        self,
        domain: str,
        token: Secret,
        *,
        origin: Origin,
        spender: Spender,
        prefix: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
        concurrency: int = 10,
        patience: Patience | None = None,
    ) -> None:
        patience = patience or Patience()
        authorization = Secret(f"Bearer {token.reveal()}")
        self._http = HttpClient(VENDOR, Guard(origin, allowed_hosts), authorization=authorization, patience=patience, spender=spender)
        self._downloads = Downloads(
            self._http.transport, origin, authorization=authorization, concurrency=concurrency, seconds=patience.seconds
        )
        self._own = f"{origin.scheme}://{origin.authority}"
        self._domain = domain
        self._site = f"https://{domain}"
        self._client = Client(self._http, prefix)

    @property
    def capabilities(self) -> Capabilities:
        """Tickets, articles and deletions; the first two name everything there is when they are read from the beginning."""
        return Capabilities(streams=frozenset(Stream), complete=frozenset({Stream.TICKETS, Stream.ARTICLES}))

    @property
    def quota(self) -> SourceQuota:
        """Calls so far, and what Birchdesk says is left."""
        return self._http.quota

    @property
    def unreadable(self) -> frozenset[str]:
        """Nothing: an item comes whole or not at all."""
        return frozenset()

    async def verify(self) -> CredentialReport:
        """Check address and token within two seconds."""
        return await verify(self._client, self._domain)

    async def list_changes(self, cursor: Cursor, options: RunOptions) -> Listing:
        """One page of a stream."""
        place = begin(cursor.position, options)
        page = await self._client.page(_LISTS[cursor.stream], since=place.since, cursor=place.cursor, limit=wanted(place, options))
        refs = tuple(_ref(cursor.stream, entry) for entry in page.items if _within(entry, options))
        place, last = advance(place, page, options)
        # Through JSON, so that a cursor is the same before and after it was stored.
        position = msgspec.json.decode(msgspec.json.encode(place))
        return Listing(refs=refs, next=Cursor(stream=cursor.stream, position=position), last=last)

    async def fetch(self, ref: ItemRef) -> Fetched:
        """An item whole, in one call."""
        if ref.doc_type is DocType.ARTICLE:
            article, body = await self._client.item("articles", ref.original_id, ArticlePayload)
            return Fetched(item=article_of(article, site=self._site), raw=_line(body))
        ticket, body = await self._client.item("tickets", ref.original_id, TicketPayload)
        return Fetched(item=ticket_of(ticket, site=self._site), raw=_line(body))

    @asynccontextmanager
    async def download(self, attachment: Attachment, ref: ItemRef) -> AsyncIterator[AsyncIterator[bytes]]:  # noqa: ARG002 - a file is found by its own id
        """The bytes of a file: the API sends on to a signed address, so there is none that could be dead already."""
        try:
            async with self._downloads.open(self._own + self._client.file(attachment.original_id)) as pieces:
                yield pieces
        except DeadUrlError as dead:
            raise no_file("Birchdesk", attachment.name, dead) from None

    async def close(self) -> None:
        """Let go of sockets."""
        await self._http.close()


def _ref(stream: Stream, entry: Entry) -> ItemRef:
    doc_type = DocType.ARTICLE if stream is Stream.ARTICLES else DocType.TICKET
    presence = _GONE.get(entry.state, Presence.DELETED) if stream is Stream.DELETIONS else Presence.LIVE
    return ItemRef(doc_type=doc_type, original_id=entry.id, version=entry.changed_at, presence=presence)


def _within(entry: Entry, options: RunOptions) -> bool:
    """Birchdesk knows `changed_since` only; what is too new is left out here."""
    return options.until is None or stamp_of(entry.changed_at) < stamp_of(options.until.isoformat())


def _line(body: bytes) -> bytes:
    """JSON on one line: a line break in it is white space, for within texts it is written as an escape."""
    return body.replace(b"\r", b" ").replace(b"\n", b" ")
