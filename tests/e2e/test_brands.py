"""A Zendesk with two brands end to end: both help centers are found by product, and one that fails or closes concerns itself only."""

from collections.abc import AsyncIterator

import pytest

from backend.core.model.document import DocState, DocType
from sandbox.faults import Fault, Kind
from sandbox.serve import SandboxOptions, ZendeskServer, running_zendesk
from sandbox.zendesk import change
from tests.e2e.test_gone import assert_index_is, stored
from tests.e2e.trip import Json, Tenant, Trip

PAY, OWN = "Hanbit Pay & Settlement", "Hanbit Seller Center"
TERMINAL = "카드 단말기를 와이파이에 연결하는 방법"


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskServer]:
    """A small Zendesk with two help centers."""
    async with running_zendesk(SandboxOptions(tickets=20, export_quota=1_000)) as server:
        yield server


@pytest.fixture
async def hanbit(trip: Trip, zendesk: ZendeskServer) -> Tenant:
    """A tenant that is synced with it."""
    tenant = await trip.onboard("acme")
    await tenant.connect_zendesk(zendesk)
    run = await tenant.sync()
    assert (run["state"], run["error_message"], run["remarks"]) == ("completed", "", []), run
    await trip.settle("acme")
    return tenant


async def articles_of(tenant: Tenant, question: str, product: str) -> set[str]:
    """The articles of a product that a question finds, by id."""
    found = await tenant.ask(question, filters={"doc_types": ["article"], "products": [product]})
    hits: list[Json] = found["articles"]
    return {str(hit["original_id"]) for hit in hits}


async def numbers(trip: Trip) -> set[int]:
    """The stored articles, without macros."""
    return {int(key) for doc_type, key in await stored(trip) if doc_type is DocType.ARTICLE and key.isdecimal()}


async def test_both_help_centers_are_found_by_product(trip: Trip, zendesk: ZendeskServer, hanbit: Tenant) -> None:
    own, pay = zendesk.account.shelf.articles, zendesk.account.branch_shelf.articles
    assert await numbers(trip) == {*own, *pay}
    products = {key: document.product for (doc_type, key), document in (await stored(trip)).items() if doc_type is DocType.ARTICLE}
    assert {products[str(number)] for number in own} == {OWN}
    assert {products[str(number)] for number in pay} == {PAY}
    assert {product for key, product in products.items() if key.startswith("macro-")} == {None}
    terminal = min(pay)
    assert str(terminal) in await articles_of(hanbit, TERMINAL, PAY)
    assert not await articles_of(hanbit, TERMINAL, OWN) & set(map(str, pay))
    # The text of a file at the second brand's host is found too, and nothing is read twice.
    assert str(terminal) in await articles_of(hanbit, "HP-00001", PAY)
    again = await hanbit.sync()
    assert (again["counts"]["stored"], again["counts"]["deleted"]) == (0, 0)
    full = await hanbit.sync(mode="full")
    assert (full["counts"]["stored"], full["counts"]["deleted"]) == (0, 0)
    await assert_index_is(trip, await stored(trip))


@pytest.mark.parametrize("kind", ["403", "500"])
async def test_a_help_center_that_fails_keeps_its_articles_and_stops_no_deletion(
    trip: Trip, zendesk: ZendeskServer, hanbit: Tenant, kind: Kind
) -> None:
    removed, added = min(zendesk.account.shelf.articles), min(zendesk.account.branch_shelf.articles)
    change.remove_article(zendesk.site, removed)
    change.remove_article(zendesk.site, added)
    zendesk.site.faults.add(Fault(match="^//hanbitcloud-pay/.*articles", kind=kind, times=None))
    run = await hanbit.sync()
    assert (run["state"], run["counts"]["failed"]) == ("completed", 0), run
    (told,) = run["remarks"]
    assert PAY in told
    assert kind == "500" or "Give this user access to the brand" in told
    assert told in run["error_message"]
    # What was removed from our own help center is gone; what was removed from the other, nobody can know yet.
    assert await numbers(trip) == {*zendesk.account.shelf.articles, *zendesk.account.branch_shelf.articles, added}
    zendesk.site.faults.clear()
    mended = await hanbit.sync()
    assert (mended["state"], mended["remarks"], mended["error_message"]) == ("completed", [], "")
    assert await numbers(trip) == {*zendesk.account.shelf.articles, *zendesk.account.branch_shelf.articles}
    await trip.settle("acme")
    await assert_index_is(trip, await stored(trip))


async def test_a_closed_help_center_leaves_the_search_and_comes_back(trip: Trip, zendesk: ZendeskServer, hanbit: Tenant) -> None:
    pay = set(zendesk.account.branch_shelf.articles)
    zendesk.site.brands["pay"].help_center_state = "disabled"
    closed = await hanbit.sync()
    assert (closed["counts"]["deleted"], closed["remarks"]) == (len(pay), []), closed
    assert not await numbers(trip) & pay
    assert not await articles_of(hanbit, TERMINAL, PAY)
    assert {int(key) for doc_type, key in await stored(trip, DocState.DELETED) if doc_type is DocType.ARTICLE} == pay
    zendesk.site.brands["pay"].help_center_state = "enabled"
    await hanbit.sync()
    await trip.settle("acme")
    assert pay <= await numbers(trip)
    assert str(min(pay)) in await articles_of(hanbit, TERMINAL, PAY)


async def test_two_tenants_with_two_brands_stay_apart(trip: Trip, zendesk: ZendeskServer, hanbit: Tenant) -> None:
    bravo = await trip.onboard("bravo")
    async with running_zendesk(SandboxOptions(tickets=20, export_quota=1_000)) as another:
        await bravo.connect_zendesk(another)
        another.site.faults.add(Fault(match="^//hanbitcloud-pay/.*articles", kind="403", times=None))
        run = await bravo.sync()
        assert len(run["remarks"]) == 1
        # The same brand and the same ids at both: what failed here is no news there.
        assert (await hanbit.sync())["remarks"] == []
        assert not await articles_of(bravo, TERMINAL, PAY)
        assert await articles_of(hanbit, TERMINAL, PAY)
        assert (await bravo.client.get(f"/api/v1/runs/{run['run_id']}")).status_code == 200
        assert (await hanbit.client.get(f"/api/v1/runs/{run['run_id']}")).status_code == 404
