"""A server of each API that there is a chat for."""

from collections.abc import Iterator

import pytest

from tests.adapters.langchain.asking import SERVERS
from tests.support.openai_server import OpenAIServer


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[OpenAIServer]:
    """One after the other; a test that is about one API only chooses it by `indirect`."""
    with SERVERS[request.param]() as running:
        yield running
