"""Zendesk behind the Source port."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import orjson

from backend.adapters.http.client import HttpClient, Patience
from backend.adapters.http.download import DeadUrlError, Downloads, no_file
from backend.adapters.http.guard import Guard
from backend.adapters.http.once import Once
from backend.adapters.http.origin import Origin, split_url
from backend.adapters.http.recalled import Recalled
from backend.adapters.http.together import together
from backend.adapters.zendesk.brands import Address, Brands, Place
from backend.adapters.zendesk.client import ZendeskClient
from backend.adapters.zendesk.errors import ZENDESK
from backend.adapters.zendesk.fields import Record, child, ident, moment, record_of, records, text
from backend.adapters.zendesk.knowledge import Knowledge
from backend.adapters.zendesk.names import Names, load_names
from backend.adapters.zendesk.normalize import gone_as, people_in, ticket_of
from backend.adapters.zendesk.people import People, organization_of
from backend.adapters.zendesk.registration import Webhooks
from backend.adapters.zendesk.remake import beside_of, remade
from backend.adapters.zendesk.tickets import TicketStreams
from backend.adapters.zendesk.verify import verify
from backend.core.errors import AppError, Code
from backend.core.model.connection import CredentialReport
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, Fetched, ItemRef, Listing, RunOptions, Stream
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Attachment, Ticket
from backend.core.model.webhook import Registered, Registration
from backend.core.ports.budget import Spender
from backend.core.ports.source import Capabilities, SourceQuota
from backend.core.waiting import to_its_end


def authorization_of(credentials: Mapping[str, Secret]) -> Secret:
    """The header for an OAuth token, or for an API token and the address of the user it stands for.

    https://developer.zendesk.com/api-reference/introduction/security-and-auth/
    """
    if "oauth_token" in credentials:
        return Secret(f"Bearer {credentials['oauth_token'].reveal().strip()}")
    email, token = (credentials[name].reveal().strip() for name in ("email", "api_token"))
    return Secret(f"Basic {base64.b64encode(f'{email}/token:{token}'.encode()).decode()}")


class Desk(NamedTuple):
    """The parts of a Source."""

    client: ZendeskClient
    people: People
    names: Once[Names]
    site: str


class ZendeskSource:
    """One Zendesk account, read with one user's token."""

    def __init__(
        self,
        domain: str,
        authorization: Secret,
        *,
        origin: Origin,
        spender: Spender,
        prefix: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
        concurrency: int = 10,
        patience: Patience | None = None,
    ) -> None:
        patience = patience or Patience()
        guard = Guard(origin, allowed_hosts)
        self._http = HttpClient(ZENDESK, guard, authorization=authorization, patience=patience, spender=spender)
        self._downloads = Downloads(
            self._http.transport, origin, authorization=authorization, concurrency=concurrency, seconds=patience.seconds
        )
        self._address = Address(domain=domain, place=Place(origin, prefix), allowed=allowed_hosts)
        # Zendesk itself calls public addresses only; what the operator put on the allow-list may be beside us.
        self._public = origin.scheme == "https"
        self._site = f"https://{domain}"
        self._client = ZendeskClient(self._http, prefix)
        self._people = People(self._client)
        self._brands = Brands(self._client, self._address)
        self._names: Once[Names] = Once(lambda: load_names(self._client, self._brands))
        self._kept_names = Recalled(self._names, Names)
        self._tickets = TicketStreams(self._client, self._people)
        self._knowledge = Knowledge(self._client, self._brands, self._address)

    @property
    def desk(self) -> Desk:
        """What else reads this account, with the same names and the same calls: its export."""
        return Desk(client=self._client, people=self._people, names=self._names, site=self._site)

    @property
    def capabilities(self) -> Capabilities:
        """Tickets, articles and deletions; the export tells no totals."""
        return Capabilities(streams=frozenset(Stream), complete=frozenset({Stream.TICKETS, Stream.ARTICLES}))

    @property
    def quota(self) -> SourceQuota:
        """Calls and waits of this Source; the vendor's figures are those of the bucket last called."""
        return self._http.quota

    @property
    def unreadable(self) -> frozenset[str]:
        """The lists that the user's role may not read."""
        return frozenset(self._client.refused) | self._knowledge.refused

    async def verify(self) -> CredentialReport:
        """Check address and token within two seconds."""
        return await verify(self._client, self._address)

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
        """A ticket whole: from the listing and the ticket events, or in two calls; an article or macro."""
        if ref.doc_type is DocType.ARTICLE:
            return await self._knowledge.fetch(ref)
        if not (ref.original_id.isascii() and ref.original_id.isdecimal()):
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "Zendesk's ticket ids are numbers; there is no such ticket.")
        # What failed before, and what a person looks at, is read as it is now.
        listed = child(ref.hint, "ticket") if ref.version else {}
        if listed:
            record, solved_at, comments = listed, text(ref.hint, "solved_at"), await self._tickets.comments_of(ref.hint)
        else:
            body, said = await together(self._client.ticket(ref.original_id), self._comments_of(ref.original_id))
            record, solved_at = self._shown(body)
            comments = records(said, "comments")
        return await self._made(record, comments, solved_at)

    @asynccontextmanager
    async def download(self, attachment: Attachment, ref: ItemRef) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of an attachment, through Zendesk's redirect to its store. An address that is dead is looked up anew, once."""
        if ref.doc_type is DocType.ARTICLE and self._may_be_ours(attachment.url or ""):
            await self._knowledge.admit_hosts()
        async with AsyncExitStack() as stack:
            pieces: AsyncIterator[bytes] | None = None
            for attempt in range(2 if attachment.url else 0):
                try:
                    # The lasting address sends on to one that dies soon: a second try gets another.
                    pieces = await stack.enter_async_context(self._downloads.open(attachment.url or "", picture=attachment.inline))
                    break
                except DeadUrlError:
                    if attempt:
                        break
            if pieces is None:
                pieces = await self._open_anew(stack, attachment, ref)
            yield pieces

    async def register_webhook(self, connection_id: str, url: str) -> Registered:
        """Make the connection's webhook, or find the one made before."""
        return await Webhooks(self._client).register(connection_id, url, checked=self._public)

    async def unregister_webhook(self, registration: Registration) -> None:
        """Take the webhook away."""
        await Webhooks(self._client).unregister(registration)

    @property
    def names(self) -> bytes | None:
        """Fields, statuses, groups and brands by id, once they were loaded."""
        return self._kept_names.written

    def recall(self, names: bytes) -> None:
        """Take names that were kept, and ask for none."""
        self._kept_names.recall(names)

    async def remake(self, ref: ItemRef, raw: bytes) -> Fetched:
        """The item of an archived payload."""
        return remade(ref, raw, self._kept_names, self._site)

    async def close(self) -> None:
        """Let go of sockets and of what was kept, whoever stops waiting for it."""
        await to_its_end(self._close())

    async def _close(self) -> None:
        await self._tickets.close()
        await self._http.close()

    def _may_be_ours(self, url: str) -> bool:
        """Whether a file may be at a further brand's host that we don't know yet, and not to be had without the credential."""
        try:
            origin, _ = split_url(url)
        except ValueError:
            return False
        return not self._http.transport.owns(origin) and self._address.may_have(origin)

    async def _comments_of(self, ticket_id: str) -> Record:
        return {"comments": await self._tickets.read_comments(ticket_id)}

    def _shown(self, body: Record) -> tuple[Record, str]:
        """A ticket asked for by itself, and when it was solved."""
        record = record_of(body.get("ticket"), "ticket")
        if gone_as(record) is not None:
            raise AppError(Code.SOURCE_ITEM_NOT_FOUND, "The ticket was deleted in Zendesk.")
        self._people.learn(body)
        metrics: Record = next((each for each in records(body, "metric_sets")), child(record, "metric_set"))
        return record, text(metrics, "solved_at")

    async def _made(self, record: Record, comments: list[Record], solved_at: str) -> Fetched:
        organization_id = ident(record, "organization_id")
        names, users, organizations = (
            await self._names.get(),
            await self._people.users.get(people_in(record, comments)),
            await self._people.organizations.get([organization_id] if organization_id else []),
        )
        organization = organization_of(organization_id, organizations)
        solved = moment({"at": solved_at}, "at")
        ticket = ticket_of(record, comments, names, users, organization=organization, solved_at=solved, site=self._site)
        beside = beside_of(users, organization)
        raw: dict[str, Any] = {"ticket": record, "comments": comments, "solved_at": solved_at, "beside": beside}
        return Fetched(item=ticket, raw=orjson.dumps(raw))

    async def _open_anew(self, stack: AsyncExitStack, attachment: Attachment, ref: ItemRef) -> AsyncIterator[bytes]:
        item = (await self.fetch(msgspec.structs.replace(ref, version="", hint={}))).item
        turns = item.conversations if isinstance(item, Ticket) else ()
        everything = [*item.attachments, *(found for turn in turns for found in turn.attachments)]
        for found in everything:
            if found.original_id == attachment.original_id and found.url:
                try:
                    return await stack.enter_async_context(self._downloads.open(found.url, picture=found.inline))
                except DeadUrlError as dead:
                    raise no_file("Zendesk", attachment.name, dead) from None
        raise no_file("Zendesk", attachment.name, None)
