"""Birchdesk through Desklore's conformance suites, over real HTTP against the stand-in."""

from collections.abc import AsyncIterator, Mapping

import pytest
from backend.adapters.http.client import Patience
from backend.core.ports.source import Source
from desklore_conformance import PATIENT, FaultKind, FaultSuite, FaultyHelpdesk, SourceSuite, TrueTicket, TrueTurn, hasty, open_source
from desklore_conformance.standin import Fault, StandIn

from desklore_birchdesk.adapter import BirchdeskAdapter
from desklore_birchdesk.standin import TOKEN, World, serving


class BirchdeskHelpdesk:
    """The truth of a stand-in, and how it fails on demand."""

    listing, viewing = r"/v1/tickets\?", r"/v1/tickets/"

    def __init__(self, standin: StandIn, world: World) -> None:
        self.standin = standin
        self.world = world

    def open(self, *, wrong_key: bool = False) -> Source:
        return self._open("no-such-token" if wrong_key else TOKEN, PATIENT)

    def open_hasty(self, seconds: float) -> Source:
        return self._open(TOKEN, hasty(seconds))

    def order(self, match: str, kind: FaultKind, *, times: int | None, seconds: float) -> None:
        self.standin.faults.add(Fault(match=match, kind=kind, times=times, seconds=seconds))

    def mend(self) -> None:
        self.standin.faults.clear()

    def tickets(self) -> Mapping[str, TrueTicket]:
        return {
            key: TrueTicket(
                turns=tuple(TrueTurn(message["id"], message["internal"]) for message in ticket["messages"][1:]),
                files=frozenset(file["id"] for message in ticket["messages"] for file in message["files"]),
            )
            for key, ticket in self.world.live().items()
        }

    def file(self, attachment_id: str) -> bytes:
        return self.world.files[attachment_id]

    def articles(self) -> frozenset[str]:
        return frozenset(self.world.articles)

    def internal_articles(self) -> frozenset[str]:
        return frozenset(
            key
            for key, article in self.world.articles.items()
            if article["audience"] == "agents" or not any(text["published"] for text in article["texts"])
        )

    def gone(self) -> frozenset[str]:
        return frozenset(self.world.gone)

    def archived(self) -> str | None:
        # Birchdesk archives nothing.
        return None

    async def change_ticket(self, original_id: str) -> None:
        self.world.answer(original_id, "<p>확인했습니다.</p>")

    async def delete_ticket(self, original_id: str) -> None:
        self.world.remove(original_id)

    async def restore_ticket(self, original_id: str) -> None:
        self.world.restore(original_id)

    def _open(self, token: str, patience: Patience) -> Source:
        return open_source(
            BirchdeskAdapter(), domain="hanbit", base_url=self.standin.base_url, credentials={"token": token}, patience=patience
        )


class TestBirchdesk(SourceSuite, FaultSuite):
    """Both suites over the stand-in."""

    @pytest.fixture
    async def helpdesk(self) -> AsyncIterator[FaultyHelpdesk]:
        world = World()
        async with serving(world) as standin:
            yield BirchdeskHelpdesk(standin, world)
