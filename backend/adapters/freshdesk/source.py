"""Freshdesk behind the Source port."""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import msgspec

from backend.adapters.freshdesk.client import FreshdeskClient
from backend.adapters.freshdesk.errors import FRESHDESK
from backend.adapters.freshdesk.fields import Record, ident, record_of, text
from backend.adapters.freshdesk.knowledge import Knowledge
from backend.adapters.freshdesk.long_tickets import LongTickets
from backend.adapters.freshdesk.names import Directory, Names, latest_ratings
from backend.adapters.freshdesk.normalize import presence_of, ticket_of
from backend.adapters.freshdesk.remake import Beside, raw_ticket, remade, with_listed
from backend.adapters.freshdesk.renewal import Renewals, is_old
from backend.adapters.freshdesk.tickets import TicketStreams
from backend.adapters.freshdesk.verify import verify
from backend.adapters.http.client import HttpClient, Patience
from backend.adapters.http.download import DeadUrlError, Downloads, no_file
from backend.adapters.http.guard import Guard
from backend.adapters.http.origin import Origin
from backend.adapters.http.recalled import Recalled
from backend.core.errors import AppError, Code
from backend.core.model.connection import CredentialReport
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunOptions, Stream
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Attachment, Organization, Presence, Ticket
from backend.core.ports.budget import Spender
from backend.core.ports.halfway import Halfway
from backend.core.ports.source import Capabilities, SourceQuota
from backend.core.waiting import to_its_end


class Desk(NamedTuple):
    """The parts of a Source."""

    client: FreshdeskClient
    directory: Directory
    knowledge: Knowledge
    site: str


class FreshdeskSource:
    """One Freshdesk account, read with one agent's API key."""

    def __init__(
        self,
        domain: str,
        api_key: Secret,
        *,
        origin: Origin,
        spender: Spender,
        prefix: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
        concurrency: int = 10,
        patience: Patience | None = None,
    ) -> None:
        patience = patience or Patience()
        # The password of Basic authentication is ignored (https://developers.freshdesk.com/api/#authentication).
        token = base64.b64encode(f"{api_key.reveal()}:X".encode()).decode()
        authorization = Secret(f"Basic {token}")
        self._http = HttpClient(
            FRESHDESK,
            Guard(origin, allowed_hosts),
            authorization=authorization,
            patience=patience,
            spender=spender,
        )
        self._downloads = Downloads(
            self._http.transport, origin, authorization=authorization, concurrency=concurrency, seconds=patience.seconds
        )
        self._domain = domain
        self._site = f"https://{domain}"
        self._client = FreshdeskClient(self._http, prefix)
        self._directory = Directory(self._client)
        self._names = Recalled(self._directory.names, Names)
        self._tickets = TicketStreams(self._client)
        self._long = LongTickets(self._client, None)
        self._renewals = Renewals(self._read_anew)
        self._knowledge = Knowledge(self._client, site=self._site)

    def keep_in(self, halfway: Halfway) -> None:
        """From now on, keep there what was read of long tickets, and go on from what was kept."""
        self._long = LongTickets(self._client, halfway)

    @property
    def desk(self) -> Desk:
        """What else reads this account, with the same names and the same calls: its account export."""
        return Desk(client=self._client, directory=self._directory, knowledge=self._knowledge, site=self._site)

    @property
    def capabilities(self) -> Capabilities:
        """Tickets, articles and deletions; Freshdesk's lists tell no totals."""
        return Capabilities(streams=frozenset(Stream), complete=frozenset({Stream.TICKETS, Stream.ARTICLES}))

    @property
    def quota(self) -> SourceQuota:
        """Calls and waits of this Source; the vendor's figures are those of the bucket last called."""
        return self._http.quota

    @property
    def unreadable(self) -> frozenset[str]:
        """The lists of names that the agent's role may not read."""
        return frozenset(self._client.refused)

    async def verify(self) -> CredentialReport:
        """Check address and key within two seconds."""
        return await verify(self._client, self._domain)

    async def list_changes(self, cursor: Cursor, options: RunOptions) -> Listing:
        """One page of a stream."""
        match cursor.stream:
            case Stream.TICKETS:
                return await self._tickets.changed(cursor, options)
            case Stream.DELETIONS:
                return await self._tickets.gone(cursor, options)
            case Stream.ARTICLES:
                return await self._knowledge.list_page(cursor, options)

    async def fetch(self, ref: ItemRef) -> Fetched:
        """A ticket whole, in one call where it has fewer than ten conversations; an article or canned response."""
        if ref.doc_type is DocType.ARTICLE:
            return await self._knowledge.fetch(ref)
        return await self._ticket(ref, self._long)

    @asynccontextmanager
    async def download(self, attachment: Attachment, ref: ItemRef) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of an attachment. A dead URL is fetched anew, once."""
        async with AsyncExitStack() as stack:
            url = attachment.url if attachment.url and not is_old(attachment.url) else None
            renewed = False
            refusal: DeadUrlError | None = None
            while True:
                if url is not None:
                    try:
                        pieces = await stack.enter_async_context(self._downloads.open(url, picture=attachment.inline))
                        break
                    except DeadUrlError as dead:
                        refusal = dead
                if renewed:
                    raise no_file("Freshdesk", attachment.name, refusal)
                url, renewed = await self._renewals.url(attachment, ref, url)
                # What the old address was refused for says nothing of the file.
                refusal = None
            yield pieces

    @property
    def names(self) -> bytes | None:
        """Agents, groups, products, statuses and fields by id, once they were loaded."""
        return self._names.written

    def recall(self, names: bytes) -> None:
        """Take names that were kept, and ask for none."""
        self._names.recall(names)

    async def remake(self, ref: ItemRef, raw: bytes) -> Fetched:
        """The item of an archived payload."""
        return remade(ref, raw, self._names, self._site)

    async def close(self) -> None:
        """Let go of sockets, whoever stops waiting for it."""
        await to_its_end(self._close())

    async def _close(self) -> None:
        await self._tickets.close()
        await self._http.close()

    async def _ticket(self, ref: ItemRef, long: LongTickets) -> Fetched:
        if not ref.original_id.isdecimal():
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "Freshdesk's ticket ids are numbers; there is no such ticket.")
        try:
            return await self._live_ticket(ref, long)
        except AppError as error:
            if error.code is not Code.SOURCE_ITEM_NOT_FOUND:
                raise
        return await self._archived_ticket(ref, long)

    async def _live_ticket(self, ref: ItemRef, long: LongTickets) -> Fetched:
        listed = bool(ref.hint.get("requester"))
        include = "conversations" if listed else "conversations,requester,stats,company"
        record, body = await long.view(ref, include) if listed else await self._client.ticket(ref.original_id, include)
        if presence_of(record) is not Presence.LIVE:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "The ticket is in Freshdesk's trash or marked as spam.")
        whole = await long.live(ref, record, body)
        organization, satisfaction = await self._organization(record), await self._satisfaction(ref, listed=listed)
        ticket = ticket_of(
            with_listed(record, ref.hint),
            whole.conversations,
            await self._directory.names.get(),
            organization=organization,
            satisfaction=satisfaction,
            site=self._site,
        )
        beside = Beside(organization=organization.name if organization else "", satisfaction=satisfaction)
        return Fetched(item=ticket, raw=raw_ticket(body, whole.pages, ref.hint, beside))

    async def _archived_ticket(self, ref: ItemRef, long: LongTickets) -> Fetched:
        whole = await long.archived(ref)
        organization = await self._organization(whole.record)
        ticket: Ticket = ticket_of(
            whole.record,
            whole.conversations,
            await self._directory.names.get(),
            organization=organization,
            presence=Presence.ARCHIVED,
            site=self._site,
        )
        beside = Beside(organization=organization.name if organization else "", archived=True)
        return Fetched(item=ticket, raw=raw_ticket(whole.body, whole.pages, {}, beside))

    async def _read_anew(self, ref: ItemRef) -> Fetched:
        """As it is now, and nothing of what was kept: the addresses in it may be dead."""
        ref = msgspec.structs.replace(ref, hint={})
        if ref.doc_type is DocType.ARTICLE:
            return await self._knowledge.fetch(ref)
        return await self._ticket(ref, LongTickets(self._client, None))

    async def _organization(self, record: Record) -> Organization | None:
        company_id = ident(record, "company_id")
        known = record_of(record.get("company") or {}, "company")
        if company_id is not None and ident(known, "id") == company_id:
            return Organization(original_id=company_id, name=text(known, "name"))
        return await self._directory.company(company_id)

    async def _satisfaction(self, ref: ItemRef, *, listed: bool) -> str | None:
        # In a sync the ratings of all tickets are a few pages; a single ticket's own are one call.
        if listed:
            return (await self._directory.ratings.get()).get(ref.original_id)
        found = await self._client.whole_list(f"/tickets/{ref.original_id}/satisfaction_ratings", optional=True)
        return latest_ratings([{**rating, "ticket_id": ref.original_id} for rating in found]).get(ref.original_id)
