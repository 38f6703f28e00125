"""Freshdesk through the conformance suite, over real HTTP against the sandbox."""

from collections.abc import AsyncIterator, Mapping

import pytest

from backend.adapters.freshdesk.html import is_blank
from backend.adapters.http.client import Patience
from backend.adapters.registry import FreshdeskAdapter
from backend.core.ports.source import Source
from desklore_conformance import PATIENT, FaultSuite, Helpdesk, SourceSuite, TrueTicket, TrueTurn, hasty, open_source
from sandbox.faults import Fault, Kind
from sandbox.freshdesk import change
from sandbox.serve import SandboxOptions, SandboxServer, running_sandbox

_FORWARD, _SURVEY = 8, 6
_AGENTS, _BOTS, _DRAFT = 3, 5, 1


class SandboxHelpdesk:
    """The truth of a sandbox account."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.sandbox = sandbox

    listing, viewing = r"/tickets\?", r"/tickets/\d+\?"

    def open(self, *, wrong_key: bool = False) -> Source:
        return self._open("no-such-key" if wrong_key else self.sandbox.api_key, PATIENT)

    def open_hasty(self, seconds: float) -> Source:
        return self._open(self.sandbox.api_key, hasty(seconds))

    def order(self, match: str, kind: Kind, *, times: int | None, seconds: float) -> None:
        self.sandbox.site.faults.add(Fault(match=match, kind=kind, times=times, seconds=seconds))

    def mend(self) -> None:
        self.sandbox.site.faults.clear()

    def tickets(self) -> Mapping[str, TrueTicket]:
        account = self.sandbox.account
        return {str(key): self._truth(key) for key, ticket in account.tickets.items() if ticket.state == "live"}

    def file(self, attachment_id: str) -> bytes:
        attachment = self.sandbox.account.attachment(int(attachment_id))
        assert attachment is not None
        return self.sandbox.account.file(attachment)

    def articles(self) -> frozenset[str]:
        shelf = self.sandbox.account.shelf
        return frozenset(map(str, shelf.articles)) | frozenset(f"canned-{key}" for key in shelf.canned)

    def internal_articles(self) -> frozenset[str]:
        shelf = self.sandbox.account.shelf
        return frozenset(
            str(article.id)
            for article in shelf.articles.values()
            if shelf.folders[article.folder_id].visibility in (_AGENTS, _BOTS)
            or all(text.status == _DRAFT for text in article.texts.values())
        )

    def gone(self) -> frozenset[str]:
        return frozenset(str(key) for key, ticket in self.sandbox.account.tickets.items() if ticket.state in ("deleted", "spam"))

    def archived(self) -> str | None:
        return next(str(key) for key, ticket in self.sandbox.account.tickets.items() if ticket.state == "archived")

    async def change_ticket(self, original_id: str) -> None:
        change.add_turn(self.sandbox.site, int(original_id), {"body": "<div>확인했습니다.</div>"})

    async def delete_ticket(self, original_id: str) -> None:
        change.set_state(self.sandbox.site, int(original_id), "deleted")

    async def restore_ticket(self, original_id: str) -> None:
        change.set_state(self.sandbox.site, int(original_id), "live")

    def _open(self, key: str, patience: Patience) -> Source:
        return open_source(
            FreshdeskAdapter(),
            domain="hanbitcloud.freshdesk.com",
            base_url=self.sandbox.base_url,
            credentials={"api_key": key},
            patience=patience,
        )

    def _truth(self, ticket_id: int) -> TrueTicket:
        account = self.sandbox.account
        # A forward went to a third party, so it counts as private; survey rows without a word are no turns.
        turns = sorted((turn.created_at, turn.id, turn) for turn in account.turns(ticket_id))
        return TrueTicket(
            turns=tuple(
                TrueTurn(str(turn.id), turn.private or turn.source == _FORWARD)
                for _, _, turn in turns
                if not (turn.source == _SURVEY and is_blank(turn.body))
            ),
            files=frozenset(str(file.id) for file in account.attachments(ticket_id)),
        )


class TestFreshdesk(SourceSuite, FaultSuite):
    """Both suites over the sandbox."""

    @pytest.fixture
    async def helpdesk(self) -> AsyncIterator[Helpdesk]:
        async with running_sandbox(SandboxOptions(tickets=230)) as sandbox:
            yield SandboxHelpdesk(sandbox)
