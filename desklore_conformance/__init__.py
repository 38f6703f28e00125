"""The conformance suite of Sources, for our own and for those of other packages; docs/adding-a-source.md says how to use it.

from desklore_conformance import FaultSuite, Helpdesk, SourceSuite

class TestAcmedesk(SourceSuite, FaultSuite):
    @pytest.fixture
    async def helpdesk(self) -> AsyncIterator[Helpdesk]: ...
"""

import pytest

# Before they are imported: only then a failed assertion tells what it compared.
pytest.register_assert_rewrite("desklore_conformance.suite", "desklore_conformance.faults", "desklore_conformance.truth")

from desklore_conformance.faults import FaultKind, FaultSuite, FaultyHelpdesk  # noqa: E402 - behind the registration above
from desklore_conformance.opened import PATIENT, hasty, open_source  # noqa: E402 - likewise
from desklore_conformance.suite import SourceSuite  # noqa: E402 - likewise
from desklore_conformance.truth import Helpdesk, TrueTicket, TrueTurn, files_of, read, refs_of  # noqa: E402 - likewise

__all__ = [
    "PATIENT",
    "FaultKind",
    "FaultSuite",
    "FaultyHelpdesk",
    "Helpdesk",
    "SourceSuite",
    "TrueTicket",
    "TrueTurn",
    "files_of",
    "hasty",
    "open_source",
    "read",
    "refs_of",
]
