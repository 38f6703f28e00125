"""The suite of bad days: what a Source says when its vendor refuses, breaks or answers nonsense."""

from typing import Final, Literal, Protocol, get_args

import pytest

from backend.core.errors import SPECS, AppError, Code
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, ItemRef, RunOptions, Stream
from backend.core.ports.source import Source
from desklore_conformance.truth import Helpdesk, refs_of

TOLD_WAIT: Final = 500.0
"""Seconds in the Retry-After of the suite's 429."""
_SHORT: Final = 0.3
_LONG: Final = 30.0
"""Seconds: a busy machine answers within the second, and nothing answers within the first while the vendor is silent for the second."""
_PERMITTED: Final = frozenset({Code.SOURCE_PERMISSION_MISSING, Code.SOURCE_PLAN_MISSING})
FaultKind = Literal[
    "429", "429_no_retry_after", "500", "502_html", "timeout", "reset", "truncated_json", "malformed", "html_200", "401", "403"
]  # fmt: skip
"""What a stand-in has to be able to do: refuse, fail, hang, hang up, break off its JSON, answer with a page."""
CODES: Final[dict[FaultKind, frozenset[Code]]] = {
    "429": frozenset({Code.SOURCE_RATE_LIMITED}),
    "429_no_retry_after": frozenset({Code.SOURCE_RATE_LIMITED}),
    "500": frozenset({Code.SOURCE_UNAVAILABLE}),
    "502_html": frozenset({Code.SOURCE_UNAVAILABLE}),
    "timeout": frozenset({Code.SOURCE_UNAVAILABLE}),
    "reset": frozenset({Code.SOURCE_UNAVAILABLE}),
    "truncated_json": frozenset({Code.SOURCE_MALFORMED}),
    "malformed": frozenset({Code.SOURCE_MALFORMED}),
    "html_200": frozenset({Code.SOURCE_MALFORMED}),
    "401": frozenset({Code.SOURCE_CREDENTIALS_REJECTED}),
    "403": _PERMITTED,
}
"""Which errors it may become."""
IN_PASSING: Final[tuple[FaultKind, ...]] = ("429", "500", "502_html", "reset", "truncated_json", "malformed", "html_200")
"""What a second attempt cures."""


class FaultyHelpdesk(Helpdesk, Protocol):
    """A helpdesk that fails on demand."""

    @property
    def listing(self) -> str:
        """A pattern that finds the addresses of the ticket list, and no others."""
        ...

    @property
    def viewing(self) -> str:
        """A pattern that finds the addresses of single tickets, and no others."""
        ...

    def open_hasty(self, seconds: float) -> Source:
        """As `open`, but with the patience of `hasty(seconds)`: one attempt, and no wait for the quota."""
        ...

    def order(self, match: str, kind: FaultKind, *, times: int | None, seconds: float) -> None:
        """Let requests whose address `match` finds fail: `times` of them, or all.

        `seconds` is the Retry-After of a 429 and the length of a time-out.
        """
        ...

    def mend(self) -> None:
        """Let everything work again."""
        ...


class FaultSuite:
    """What every Source has to say on a bad day."""

    @pytest.mark.parametrize("kind", get_args(FaultKind))
    async def test_a_fault_has_its_own_error_with_words(self, helpdesk: FaultyHelpdesk, kind: FaultKind) -> None:
        known = next(iter(helpdesk.tickets()))
        for match in (helpdesk.listing, helpdesk.viewing):
            silent = kind == "timeout"
            source = helpdesk.open_hasty(_SHORT if silent else _LONG)
            helpdesk.order(match, kind, times=None, seconds=_LONG if silent else TOLD_WAIT)
            with pytest.raises(AppError) as caught:
                await _ask(source, known, listing=match == helpdesk.listing)
            error = caught.value
            assert error.code in CODES[kind]
            assert len(error.message) > len(SPECS[error.code].meaning) // 2
            if kind == "429":
                assert error.retry_after == pytest.approx(TOLD_WAIT, abs=5)
            if error.code is Code.SOURCE_MALFORMED:
                assert error.raw, "what came is kept with the failure"
            helpdesk.mend()
            # The credential's budget remembers what the vendor said of it; another Source here has one of its own.
            await source.close()
            well = helpdesk.open()
            await _ask(well, known, listing=match == helpdesk.listing)
            await well.close()

    async def test_a_fault_in_passing_loses_nothing(self, helpdesk: FaultyHelpdesk) -> None:
        for kind in IN_PASSING:
            source = helpdesk.open()
            for match in (helpdesk.listing, helpdesk.viewing):
                helpdesk.order(match, kind, times=1, seconds=0.1)
            refs = await refs_of(source, Stream.TICKETS)
            assert sorted(ref.original_id for ref in refs) == sorted(helpdesk.tickets()), kind
            assert (await source.fetch(refs[0])).item.original_id == refs[0].original_id
            await source.close()


async def _ask(source: Source, known: str, *, listing: bool) -> None:
    """One look at the list, or at a ticket."""
    if listing:
        await source.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())
    else:
        await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=known, version=""))
