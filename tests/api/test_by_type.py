"""What was found by type: many tickets on a word take no place of the few articles and documents, and rights hold in each list."""

import itertools
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from backend.core import ids
from backend.core.model.article import Visibility
from backend.core.model.document import DocType, Document, Part
from backend.core.model.groups import marks_of
from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.events import events_of
from tests.api.house import House, index_documents, ticket_id
from tests.api.test_groups import holder

ASKED = {"question": "보증서 재발급 신청"}
LISTS = ("tickets", "articles", "documents", "attachments")
TICKETS = [str(number) for number in range(1000, 1040)]
OTHERS = [str(number) for number in range(1020, 1040)]
"""Tickets of a group of their own."""
# Each says something else, for of those that say the same only one is listed.
_WORDS = ["".join(each) for each in itertools.product("가나다라마바사아자차", "거너더러머버서어저처")]


@pytest.fixture(autouse=True)
async def crowded(searchable: House) -> House:
    """Forty tickets on a word, each shorter and so nearer to it than three articles, two documents and an agents-only article."""
    async with searchable.services.database.open("acme") as uow:
        ticket = await uow.documents.get(ticket_id("acme"))
        assert ticket is not None
        documents = [
            *(_made(ticket, DocType.TICKET, number, _said(place, 3)) for place, number in enumerate(TICKETS)),
            *(_made(ticket, DocType.ARTICLE, str(50 + place), _said(40 + 13 * place, 12)) for place in range(3)),
            *(_made(ticket, DocType.ARTICLE, f"manual-{place}.pdf", _said(80 + place, 14), platform="file") for place in range(2)),
            _made(ticket, DocType.ARTICLE, "66", _said(5, 12), visibility=Visibility.INTERNAL),
        ]
        # A word speaks for an answer where most texts don't have it.
        other = tuple(Part(kind="article", text=f"{a} {b}", visibility=Visibility.PUBLIC) for a, b in itertools.pairwise(_WORDS * 2))
        about_them = {"document_id": ids.document_id("acme", "paper", "article", "67"), "original_id": "67", "title": "그 밖의 것"}
        documents.append(msgspec.structs.replace(documents[-1], parts=other, visibility=Visibility.PUBLIC, **about_them))
        await uow.documents.put(documents)
    await index_documents(searchable, "acme", documents)
    return searchable


def _said(place: int, words: int) -> str:
    return "보증서 재발급 신청 " + " ".join(_WORDS[(place * 7 + 3 * each) % len(_WORDS)] for each in range(words))


def _made(
    ticket: Document, doc_type: DocType, number: str, text: str, *, platform: str = "paper", visibility: Visibility = Visibility.PUBLIC
) -> Document:
    if doc_type is DocType.TICKET:
        visibility = Visibility.CONVERSATION
    group = ("43", "배송팀") if number in OTHERS else ("42", "결제팀")
    return msgspec.structs.replace(
        ticket,
        document_id=ids.document_id("acme", platform, doc_type, number),
        platform=platform,
        doc_type=doc_type,
        original_id=number,
        title=f"보증서 {number}",
        parts=(Part(kind="description" if doc_type is DocType.TICKET else "article", text=text, visibility=visibility),),
        visibility=visibility,
        groups=marks_of("paper", *group) if doc_type is DocType.TICKET else (),
    )


def _ids(hits: Iterable[dict[str, Any]]) -> list[str]:
    return [hit["original_id"] for hit in hits]


async def test_each_type_has_its_own_places(client_as: As) -> None:
    found = (await client_as(Role.VIEWER).post("/api/v1/query", json=ASKED)).json()
    assert len(found["tickets"]) == 10
    assert sorted(_ids(found["articles"])) == ["50", "51", "52"]
    assert sorted(_ids(found["documents"])) == ["manual-0.pdf", "manual-1.pdf"]
    assert {hit["platform"] for hit in found["documents"]} == {"file"}
    general = await client_as(Role.VIEWER).post("/api/v1/search", json={"query": ASKED["question"], "top_k": 30})
    assert {hit["doc_type"] for hit in general.json()["hits"]} == {"ticket"}, "the tickets fill the search of all types"


async def test_pages_go_on_where_the_one_before_ended(client_as: As) -> None:
    agent = client_as(Role.AGENT)
    whole = (await agent.post("/api/v1/query", json=ASKED | {"top_k": 50})).json()
    pages = [(await agent.post("/api/v1/query", json=ASKED | {"top_k": 7, "offset": offset})).json() for offset in range(0, 49, 7)]
    for name in LISTS:
        seen = [each for page in pages for each in _ids(page[name])]
        assert seen == _ids(whole[name]), name
        assert len(seen) == len(set(seen)), name
    assert set(TICKETS) <= set(_ids(whole["tickets"]))
    assert set(_ids(whole["articles"])) >= {"50", "51", "52", "66"}


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({"doc_types": ["ticket"]}, {"tickets"}),
        ({"doc_types": ["article"]}, {"articles", "documents"}),
        ({"platforms": ["file"]}, {"documents"}),
        ({"platforms": ["paper"]}, {"tickets", "articles"}),
        ({"platforms": ["paper", "file"], "doc_types": ["article"]}, {"articles", "documents"}),
        ({"platforms": ["zendesk"]}, set()),
    ],
)
async def test_no_list_reaches_past_the_filters(client_as: As, filters: dict[str, list[str]], kept: set[str]) -> None:
    found = (await client_as(Role.AGENT).post("/api/v1/query", json=ASKED | {"filters": filters})).json()
    assert {name for name in LISTS if found[name]} == kept


async def test_no_list_reaches_past_the_rights(client_as: As) -> None:
    one_team, viewer = await holder(client_as, ["결제팀"]), client_as(Role.VIEWER)
    nobody = await holder(client_as, [], role="viewer")
    asked = ASKED | {"top_k": 50}
    for path in ("/api/v1/query", "/api/v1/query/stream"):
        everything = (await client_as(Role.AGENT).post(path, json=asked)).text
        assert '"1020"' in everything
        assert '"66"' in everything
        of_one_team = (await one_team.post(path, json=asked)).text
        assert not [number for number in OTHERS if f'"{number}"' in of_one_team]
        assert '"66"' not in (await viewer.post(path, json=asked)).text
        assert '"doc_type":"ticket"' not in (await nobody.post(path, json=asked)).text
    found = (await one_team.post("/api/v1/query", json=asked)).json()
    assert set(TICKETS) - set(OTHERS) <= set(_ids(found["tickets"]))
    found = (await nobody.post("/api/v1/query", json=asked)).json()
    assert sorted(_ids(found["articles"]))[:3] == ["50", "51", "52"]


async def test_a_stream_begins_with_the_lists(client_as: As) -> None:
    asked = ASKED | {"top_k": 5, "offset": 1}
    whole = (await client_as(Role.AGENT).post("/api/v1/query", json=asked)).json()
    events = events_of((await client_as(Role.AGENT).post("/api/v1/query/stream", json=asked)).text)
    hits = events[1][2]
    assert (events[1][1], hits["answerable"], len(hits["hits"])) == ("hits", True, 30)
    for name in LISTS:
        assert _ids(hits[name]) == _ids(whole[name]), name
    assert (len(hits["tickets"]), len(hits["documents"])) == (5, 1)


async def test_where_nothing_answers_nothing_more_is_looked_for(client_as: As) -> None:
    found = (await client_as(Role.AGENT).post("/api/v1/query", json={"question": "quantum giraffe trombone"})).json()
    assert all(found[name] == [] for name in LISTS)


async def test_a_draft_s_stream_has_no_lists(client_as: As) -> None:
    events = events_of((await client_as(Role.AGENT).post("/api/v1/generate_reply/stream", json={"ticket_id": "101"})).text)
    [hits] = [data for _, name, data in events if name == "hits"]
    assert [hits[name] for name in LISTS] == [[], [], [], []]
