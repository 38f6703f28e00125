"""Zendesk through the conformance suite, over real HTTP against the sandbox."""

from collections.abc import AsyncIterator, Mapping

import pytest

from backend.adapters.http.client import Patience
from backend.adapters.registry import ZendeskAdapter
from backend.adapters.zendesk.html import inline_id
from backend.core.ports.source import Source
from desklore_conformance import PATIENT, FaultSuite, Helpdesk, SourceSuite, TrueTicket, TrueTurn, hasty, open_source
from sandbox.data.model import Attachment
from sandbox.faults import Fault, Kind
from sandbox.serve import SandboxOptions, ZendeskServer, running_zendesk
from sandbox.zendesk import change
from sandbox.zendesk.help_center import STAFF, segment_of

_DRAFT = 1
_A_MINUTE = 61


class ZendeskHelpdesk:
    """The truth of a sandbox account."""

    def __init__(self, server: ZendeskServer) -> None:
        self.server = server

    listing, viewing = r"/incremental/tickets/cursor", r"/tickets/\d+\?"

    def open(self, *, wrong_key: bool = False) -> Source:
        return self._open(self.server.credentials | ({"api_token": "no-such-token"} if wrong_key else {}), PATIENT)

    def open_hasty(self, seconds: float) -> Source:
        return self._open(self.server.credentials, hasty(seconds))

    def order(self, match: str, kind: Kind, *, times: int | None, seconds: float) -> None:
        self.server.site.faults.add(Fault(match=match, kind=kind, times=times, seconds=seconds))

    def mend(self) -> None:
        self.server.site.faults.clear()

    def tickets(self) -> Mapping[str, TrueTicket]:
        world = self.server.site.world
        return {str(key): self._truth(key) for key in self.server.account.tickets if world.shown(key)}

    def file(self, attachment_id: str) -> bytes:
        account = self.server.account
        files = {self._known_as(file): file for key in account.tickets for file in account.attachments(key)}
        return account.file(files[attachment_id])

    def articles(self) -> frozenset[str]:
        account = self.server.account
        numbers = (*account.shelf.articles, *account.branch_shelf.articles)
        return frozenset(map(str, numbers)) | frozenset(f"macro-{key}" for key in account.shelf.canned)

    def internal_articles(self) -> frozenset[str]:
        account = self.server.account
        return frozenset(
            str(article.id)
            for shelf in (account.shelf, account.branch_shelf)
            for article in shelf.articles.values()
            if segment_of(shelf.folders[article.folder_id]) == STAFF or all(text.status == _DRAFT for text in article.texts.values())
        )

    def gone(self) -> frozenset[str]:
        world = self.server.site.world
        return frozenset(str(key) for key in self.server.account.tickets if world.exists(key) and not world.shown(key))

    def archived(self) -> str | None:
        # The export names archived tickets, and nothing tells them from others: they simply stay.
        return None

    async def change_ticket(self, original_id: str) -> None:
        change.add_comment(self.server.site, int(original_id), {"body": "<p>확인했습니다.</p>"})
        self.server.site.pass_time(_A_MINUTE)

    async def delete_ticket(self, original_id: str) -> None:
        change.delete(self.server.site, int(original_id))
        self.server.site.pass_time(_A_MINUTE)

    async def restore_ticket(self, original_id: str) -> None:
        change.restore(self.server.site, int(original_id))
        self.server.site.pass_time(_A_MINUTE)

    def _open(self, credentials: dict[str, str], patience: Patience) -> Source:
        return open_source(
            ZendeskAdapter(), domain="hanbitcloud.zendesk.com", base_url=self.server.base_url, credentials=credentials, patience=patience
        )

    def _truth(self, ticket_id: int) -> TrueTicket:
        comments = self.server.site.world.comments(ticket_id)
        return TrueTicket(
            turns=tuple(TrueTurn(str(comment.id), not comment.public) for comment in comments[1:]),
            files=frozenset(self._known_as(file) for comment in comments for file in comment.files),
        )

    def _known_as(self, file: Attachment) -> str:
        return inline_id(self.server.site.links.token(file.id)) if file.inline else str(file.id)


class TestZendesk(SourceSuite, FaultSuite):
    """Both suites over the sandbox."""

    @pytest.fixture
    async def helpdesk(self) -> AsyncIterator[Helpdesk]:
        async with running_zendesk(SandboxOptions(tickets=230, export_quota=10_000)) as server:
            yield ZendeskHelpdesk(server)
