"""Files through the conformance suite."""

from pathlib import Path

import pytest

from tests.contract.files_helpdesk import FilesHelpdesk
from tests.contract.source_suite import SourceSuite
from tests.contract.source_truth import Helpdesk


class TestFiles(SourceSuite):
    """The suite over a folder."""

    has_credentials = False
    has_quota = False

    @pytest.fixture
    async def helpdesk(self, tmp_path: Path) -> Helpdesk:
        return FilesHelpdesk(tmp_path)
