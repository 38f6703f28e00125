"""Files through the conformance suite."""

from pathlib import Path

import pytest

from desklore_conformance.suite import SourceSuite
from desklore_conformance.truth import Helpdesk
from tests.contract.files_helpdesk import FilesHelpdesk


class TestFiles(SourceSuite):
    """The suite over a folder."""

    has_credentials = False

    @pytest.fixture
    async def helpdesk(self, tmp_path: Path) -> Helpdesk:
        return FilesHelpdesk(tmp_path)
