"""The addresses that the adapter takes, and what verifying tells."""

import pytest
from backend.core.errors import AppError, Code
from desklore_conformance import open_source
from desklore_conformance.standin import Fault

from desklore_birchdesk.adapter import BirchdeskAdapter
from desklore_birchdesk.standin import TOKEN, World, serving


@pytest.mark.parametrize("domain", ["acme.birchdesk.example.evil.example", "acme.zendesk.com", "10.0.0.1", "acme.birchdesk.example:8443"])
def test_only_birchdesks_own_hosts_are_called(domain: str) -> None:
    with pytest.raises(AppError) as caught:
        open_source(BirchdeskAdapter(), domain=domain, base_url="", credentials={"token": "x"})
    assert caught.value.code is Code.HOST_NOT_ALLOWED


async def test_verifying_tells_what_the_token_may_read() -> None:
    async with serving(World(tickets=3)) as standin:
        standin.faults.add(Fault(match="/v1/articles", kind="403", times=None))
        source = open_source(BirchdeskAdapter(), domain="acme", base_url=standin.base_url, credentials={"token": TOKEN})
        report = await source.verify()
        await source.close()
    assert report.account_name == "acme.birchdesk.example"
    assert {ability.name: ability.ok for ability in report.abilities} == {
        "tickets": True,
        "conversations": True,
        "articles": False,
        "deletions": True,
    }
    assert "scopes" in next(ability.message for ability in report.abilities if not ability.ok)
