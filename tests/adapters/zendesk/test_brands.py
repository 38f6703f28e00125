"""Further brands of a Zendesk: which help centers are read, where, and with what they may be sent."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from backend.adapters.http.origin import Origin
from backend.adapters.zendesk.brands import Address, Place, branches_of
from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.model.article import Article, Visibility
from backend.core.model.document import DocType
from backend.core.model.sync import Cursor, ItemRef, Listing, RunMode, RunOptions, Stream
from backend.core.ports.source import Source
from sandbox.faults import Kind
from sandbox.serve import SandboxOptions, ZendeskServer, running_zendesk
from tests.adapters.odd import odd
from tests.adapters.zendesk.opened import listings, opened, order

OWN = Place(Origin("https", "acme.zendesk.com", 443))
AT_ZENDESK = Address(domain="acme.zendesk.com", place=OWN)
DEFAULT = {"id": 1, "name": "Acme", "subdomain": "acme", "default": True, "active": True, "has_help_center": True}
PAY: dict[str, Any] = {
    "id": 2,
    "name": "Acme Pay",
    "subdomain": "acme-pay",
    "brand_url": "https://acme-pay.zendesk.com",
    "host_mapping": None,
    "has_help_center": True,
    "help_center_state": "enabled",
    "default": False,
    "active": True,
}
PAY_AT = Place(Origin("https", "acme-pay.zendesk.com", 443))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, PAY_AT),
        ({"subdomain": " ACME-Pay "}, PAY_AT),
        ({"host_mapping": "help.acme.example", "brand_url": "https://help.acme.example"}, PAY_AT),
        ({"brand_url": "http://169.254.169.254/latest"}, PAY_AT),
        ({"help_center_state": None}, PAY_AT),
        ({"help_center_state": "brand_new"}, PAY_AT),
        ({"has_help_center": None}, PAY_AT),
        ({"subdomain": None}, None),
        ({"subdomain": ""}, None),
        ({"subdomain": 7}, None),
        ({"subdomain": "evil.example"}, None),
        ({"subdomain": "evil.example/"}, None),
        ({"subdomain": "evil.example#"}, None),
        ({"subdomain": "a@evil.example"}, None),
        ({"subdomain": "-"}, None),
        ({"subdomain": "acme-pay\n"}, PAY_AT),
        ({"subdomain": "ａcme"}, None),
    ],
)
def test_a_further_brand_is_below_zendesk_com_whatever_a_payload_says(changes: dict[str, Any], place: Place | None) -> None:
    (branch,) = branches_of([DEFAULT, PAY | changes], AT_ZENDESK)
    assert (branch.brand_id, branch.name, branch.place) == ("2", "Acme Pay", place)


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False},
        {"is_deleted": True},
        {"has_help_center": False},
        {"help_center_state": "restricted"},
        {"help_center_state": "disabled"},
        {"has_help_center": None, "help_center_state": None},
        {"id": None},
        {"subdomain": "acme"},
    ],
)
def test_what_has_no_open_help_center_of_its_own_is_not_read(changes: dict[str, Any]) -> None:
    assert branches_of([DEFAULT, PAY | changes], AT_ZENDESK) == ()


def test_our_own_brand_is_the_one_that_the_connection_names() -> None:
    address = Address(domain="acme-pay.zendesk.com", place=PAY_AT)
    (branch,) = branches_of([DEFAULT, PAY], address)
    assert (branch.name, branch.place) == ("Acme", OWN)
    assert branches_of([], AT_ZENDESK) == ()
    assert branches_of([PAY], AT_ZENDESK) == ()
    # Two brands of one host, which Zendesk does not have, are read once.
    assert len(branches_of([DEFAULT, PAY, PAY | {"id": 3}], AT_ZENDESK)) == 1


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8102", Place(Origin("http", "127.0.0.1", 8102))),
        ("http://127.0.0.1:8102/pay/", Place(Origin("http", "127.0.0.1", 8102), "/pay")),
        ("http://127.0.0.1:8103", None),
        ("https://help.acme.example", None),
        ("https://acme-pay.zendesk.com", None),
        ("http://user@127.0.0.1:8102", None),
        ("", None),
    ],
)
def test_in_place_of_zendesk_only_what_the_operator_allows_is_called(url: str, place: Place | None) -> None:
    allowed = frozenset({"127.0.0.1:8100", "127.0.0.1:8102"})
    address = Address(domain="acme.zendesk.com", place=Place(Origin("http", "127.0.0.1", 8100)), allowed=allowed)
    (branch,) = branches_of([DEFAULT, PAY | {"brand_url": url}], address)
    assert branch.place == place


@given(records=odd([PAY | {"id": 9}]))
def test_odd_brands_lead_nowhere_else(records: Any) -> None:
    found = branches_of([DEFAULT, *(each for each in records if isinstance(each, dict))] if isinstance(records, list) else [], AT_ZENDESK)
    assert all(branch.place is None or branch.place.origin.host.endswith(".zendesk.com") for branch in found)


# The sandbox's second brand.


def refs_of(found: list[Listing]) -> dict[str, ItemRef]:
    """By id; each is named once."""
    refs = [ref for listing in found for ref in listing.refs]
    assert len({ref.original_id for ref in refs}) == len(refs)
    return {ref.original_id: ref for ref in refs}


async def article(source: Source, ref: ItemRef) -> Article:
    """One article."""
    found = (await source.fetch(ref)).item
    assert isinstance(found, Article)
    return found


def bare(original_id: str) -> ItemRef:
    """An article that no listing named."""
    return ItemRef(doc_type=DocType.ARTICLE, original_id=original_id, version="")


async def test_the_second_brands_articles_are_read_at_its_own_host(zendesk: ZendeskServer) -> None:
    source = opened(zendesk)
    pages = await listings(source)
    refs, shelf = refs_of(pages), zendesk.account.branch_shelf
    assert [listing.anew for listing in pages] == [True, False, False]
    assert not any(listing.unread for listing in pages)
    for number, there in shelf.articles.items():
        found = await article(source, refs[str(number)])
        assert found.product == "Hanbit Pay & Settlement"
        assert [each.language for each in found.translations] == ["ko", "en"]
        assert found.url is not None
        assert found.url.startswith(zendesk.brand_url or "-")
        assert await article(source, bare(str(number))) == found
        open_to = shelf.folders[there.folder_id].visibility
        drafts = all(text.status == 1 for text in there.texts.values())
        expected = {1: Visibility.PUBLIC, 2: Visibility.RESTRICTED, 3: Visibility.INTERNAL}[open_to]
        assert found.visibility is (Visibility.INTERNAL if drafts else expected)
    qr = next(a for a in shelf.articles.values() if shelf.folders[a.folder_id].key == "qr")
    assert (await article(source, refs[str(qr.id)])).folder == "단말기 / QR 결제"
    first = next(iter(shelf.articles.values()))
    (file,) = (await article(source, refs[str(first.id)])).attachments
    async with source.download(file, refs[str(first.id)]) as pieces:
        assert b"".join([piece async for piece in pieces]) == zendesk.account.file(first.attachments[0])
    own = next(iter(zendesk.account.shelf.articles))
    assert (await article(source, refs[str(own)])).product == "Hanbit Seller Center"
    asked = {key for key in zendesk.stats.requests if "//hanbitcloud-pay" in key}
    assert asked
    assert all("/help_center/" in key or "/attachments/" in key for key in asked)
    await source.close()


async def test_two_runs_name_the_same_versions_and_products(zendesk: ZendeskServer) -> None:
    versions = []
    own = str(next(iter(zendesk.account.shelf.articles)))
    for _ in range(2):
        source = opened(zendesk)
        # Read by itself, before anything is listed, it is of its brand too.
        by_itself = await article(source, bare(own))
        refs = refs_of(await listings(source))
        versions.append({key: ref.version for key, ref in refs.items()})
        assert await article(source, refs[own]) == by_itself
        await source.close()
    assert versions[0] == versions[1]


async def test_an_account_with_one_brand_is_asked_nothing_more() -> None:
    async with running_zendesk(SandboxOptions(tickets=20, one_brand=True)) as server:
        source = opened(server)
        first = await listings(source)
        await source.close()
        assert first[0].anew
        assert sum(count for key, count in server.stats.requests.items() if key.endswith("/brands")) == 1
        server.stats.clear()
        source = opened(server)
        again = await listings(source, cursor=first[-1].next)
        assert (await article(source, again[0].refs[0])).product is None
        with pytest.raises(AppError) as caught:
            await source.fetch(bare("1"))
        assert caught.value.code is Code.SOURCE_ITEM_NOT_FOUND
        await source.close()
        assert again[-1].next == first[-1].next
        assert [ref.version for ref in again[0].refs] == [ref.version for ref in first[0].refs]
        assert not any("/brands" in key for key in server.stats.requests)
        lists = [key for key in server.stats.requests if "{id}" not in key]
        assert {key.rsplit("/", 1)[-1] for key in lists} == {"articles", "sections", "categories", "user_segments", "macros"}
        # What is remembered is looked at anew after a day, and by every full sync.
        at = (clock.now() - timedelta(days=2)).isoformat()
        for position, options in (({"brands": "one", "at": at}, RunOptions()), (first[-1].next.position, RunOptions(mode=RunMode.FULL))):
            server.stats.clear()
            source = opened(server)
            await listings(source, options, Cursor(stream=Stream.ARTICLES, position=position))
            await source.close()
            assert any("/brands" in key for key in server.stats.requests)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("403", "may not read it"),
        ("401", "rejects the credentials"),
        ("404_unknown_domain", "no Zendesk at this address"),
        ("500", "HTTP 500"),
        ("502_html", "HTTP 502"),
        ("reset", "127.0.0.1"),
        ("truncated_json", "JSON"),
        ("html_200", "web page"),
    ],
)
async def test_a_help_center_that_fails_is_told_and_hides_no_other(zendesk: ZendeskServer, kind: Kind, says: str) -> None:
    order(zendesk, "^//hanbitcloud-pay/.*articles", kind, None)
    source = opened(zendesk, attempts=1)
    pages = await listings(source)
    refs = refs_of(pages)
    own = zendesk.account.shelf
    assert set(refs) == {str(number) for number in own.articles} | {f"macro-{number}" for number in own.canned}
    (unread,) = pages[-1].unread
    assert "Hanbit Pay & Settlement" in unread.message
    assert (zendesk.brand_url or "-").split("//")[1] in unread.message
    assert says in unread.message
    # Whether one of its articles is still there, nobody can tell now; that of another brand is gone.
    with pytest.raises(AppError) as caught:
        await source.fetch(bare(str(next(iter(zendesk.account.branch_shelf.articles)))))
    assert caught.value.code is Code.SOURCE_REQUEST_REFUSED
    await source.close()
    # A run that was killed behind that page tells it too, and the mark is in what was stored before.
    zendesk.site.faults.clear()
    source = opened(zendesk)
    (rest,) = await listings(source, cursor=pages[-2].next)
    assert rest.unread == (unread,)
    stored = refs_of(await listings(source))
    assert {key for key, ref in stored.items() if unread.mark in ref.version} == set(map(str, zendesk.account.branch_shelf.articles))
    await source.close()


async def test_the_accounts_quota_is_one_for_all_brands(zendesk: ZendeskServer) -> None:
    order(zendesk, "^//hanbitcloud-pay/.*articles", "429", None, seconds=3600)
    source = opened(zendesk, attempts=1)
    with pytest.raises(AppError) as caught:
        await listings(source)
    assert caught.value.code is Code.SOURCE_RATE_LIMITED
    await source.close()


async def test_without_the_list_of_brands_what_is_stored_of_them_stays(zendesk: ZendeskServer) -> None:
    order(zendesk, "/brands", "403", None)
    source = opened(zendesk)
    first = await listings(source)
    assert [(each.mark, each.message) for each in first[-1].unread] == [(" brand=", "")]
    assert "brands" in source.unreadable
    again = await listings(source, cursor=first[-1].next)
    assert again[-1].unread == first[-1].unread
    await source.close()


async def test_closed_and_gone_help_centers_are_left_out(zendesk: ZendeskServer) -> None:
    for field, value in (("help_center_state", "disabled"), ("help_center_state", "restricted"), ("active", False)):
        brand = zendesk.site.brands["pay"]
        before = getattr(brand, field)
        setattr(brand, field, value)
        source = opened(zendesk)
        pages = await listings(source)
        await source.close()
        setattr(brand, field, before)
        assert not set(refs_of(pages)) & set(map(str, zendesk.account.branch_shelf.articles))
        assert not any(listing.unread for listing in pages)


async def test_a_credential_is_told_which_help_centers_it_reads(zendesk: ZendeskServer) -> None:
    source = opened(zendesk)
    abilities = {ability.name: ability for ability in (await source.verify()).abilities}
    assert abilities["articles of Hanbit Pay & Settlement"].ok
    assert not any("Open API" in name or "Mobile" in name for name in abilities)
    await source.close()
    order(zendesk, "^//hanbitcloud-pay", "403", None)
    source = opened(zendesk)
    refused = {ability.name: ability for ability in (await source.verify()).abilities if not ability.ok}
    assert list(refused) == ["articles of Hanbit Pay & Settlement"]
    assert (zendesk.brand_url or "-").split("//")[1] in refused["articles of Hanbit Pay & Settlement"].message
    await source.close()
