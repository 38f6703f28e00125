"""Parts of account exports that break off, are odd or are not safe; Zendesk's; and how they are shown."""

import json
import tempfile
from pathlib import Path
from typing import BinaryIO

import pytest

from backend.adapters.file.exported.recognized import by_platform
from backend.adapters.file.preview import LocalFileTools
from backend.adapters.registry import EXPORT_READERS
from backend.core.errors import AppError
from backend.core.model.document import DocType
from backend.core.model.preview import Preview
from backend.core.model.sync import Cursor, ItemRef, RunOptions, Stream
from backend.core.model.ticket import Presence, Role, Status
from tests.adapters.file.exports_given import (
    PEOPLE,
    ZENDESK,
    ZENDESK_USERS,
    article,
    lines,
    opened,
    problem_of,
    solutions,
    ticket,
    tickets,
    versions,
    write,
)


async def test_odd_tickets_are_set_aside_by_file_and_number(tmp_path: Path) -> None:
    huge = 9_007_199_254_740_993
    odd = [
        {"display_id": huge, "status": 77, "priority": None, "requester_id": None, "notes": None, "tags": None, "new_field": {"a": [1]}},
        {"display_id": 12, "updated_at": "어제"},
        {"display_id": 13, "notes": "none"},
        {"display_id": 14, "deleted": "perhaps"},
        {"display_id": 15, "spam": True},
        {"display_id": None},
    ]
    broken = (
        b"[" + b",".join([*(json.dumps(each).encode() for each in tickets(*odd)), b'{"helpdesk_ticket": {"display_id": }}', b"17"]) + b"]"
    )
    write(tmp_path, {"Tickets0.json": broken})
    source = opened(tmp_path)
    found = await versions(source)
    assert set(found) == {str(huge), "12", "13", "14", "Tickets0.json#6", "Tickets0.json#7"}
    assert (await ticket(source, str(huge))).status is Status.OTHER
    assert "Tickets0.json, record 2: Freshdesk sent `updated_at`" in await problem_of(source, "12")
    assert "record 3: Freshdesk sent `notes`" in await problem_of(source, "13")
    assert "record 4: Freshdesk sent `deleted`" in await problem_of(source, "14")
    assert "record 6: it does not tell which item it is" in await problem_of(source, "Tickets0.json#6")
    assert "record 7: it is no JSON" in await problem_of(source, "Tickets0.json#7")
    gone = await source.list_changes(Cursor(stream=Stream.DELETIONS), RunOptions())
    assert [(ref.original_id, ref.presence) for ref in gone.refs] == [("15", Presence.DELETED)]
    await source.close()


XML = """<?xml version="1.0" encoding="UTF-8"?>
<helpdesk-tickets type="array">
<helpdesk-ticket><display-id type="integer">{first}</display-id><subject>하나</subject><description>글</description>
  <status type="integer">2</status><priority nil="true"/><deleted type="boolean">false</deleted><spam type="boolean">false</spam>
  <created-at type="datetime">2025-01-01T00:00:00Z</created-at><updated-at type="datetime">2025-01-01T00:00:00Z</updated-at>
  <ticket-states><resolved-at nil="true"/></ticket-states>
  <notes type="array"><helpdesk-note><id type="integer">1</id><body>비밀</body><private>true</private><user-id type="integer">21</user-id>
  <source type="integer">2</source><created-at>2025-01-01T01:00:00Z</created-at></helpdesk-note></notes></helpdesk-ticket>
{rest}"""


async def test_xml_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    write(tmp_path, {"Tickets0.xml": XML.format(first=123456789012345678901234, rest="<helpdesk-ticket><subject>둘</subjec>").encode()})
    source = opened(tmp_path)
    found = await versions(source)
    assert set(found) == {"123456789012345678901234", "Tickets0.xml#2"}
    assert "no well-formed XML: mismatched tag: line 9, column" in await problem_of(source, "Tickets0.xml#2")
    assert "nothing behind record 1 can be read" in await problem_of(source, "Tickets0.xml#2")
    # A mark without its type says what it says.
    assert [turn.private for turn in (await ticket(source, "123456789012345678901234")).conversations] == [False, True]
    # Mended it is whole; broken once more what was read of it stays.
    write(tmp_path, {"Tickets0.xml": XML.format(first=5, rest="</helpdesk-tickets>").encode()})
    whole = await versions(source)
    assert set(whole) == {"5"}
    write(tmp_path, {"Tickets0.xml": XML.format(first=6, rest="<a>").encode()})
    assert await versions(source) == whole
    assert set(await versions(source, Stream.ARTICLES)) == {"Tickets0.xml"}
    with pytest.raises(AppError, match="what was read of it before stays"):
        await article(source, "Tickets0.xml")
    await source.close()


@pytest.mark.parametrize(
    "bomb",
    [
        b'<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><t><r><display-id>1</display-id><notes>&b;</notes></r></t>',
        b'<!DOCTYPE t [<!ENTITY f SYSTEM "file:///nowhere">]><t><r><display-id>1</display-id><notes>&f;</notes></r></t>',
        b"<t>" * 60 + b"</t>" * 60,
    ],
)
async def test_xml_that_is_not_safe_to_read_is_not_read(tmp_path: Path, bomb: bytes) -> None:
    write(tmp_path, {"Tickets0.xml": bomb, "Tickets1.json": tickets({})})
    source = opened(tmp_path)
    assert set(await versions(source)) == {"7", "Tickets0.xml#1"}
    assert "nothing behind record 0 can be read" in await problem_of(source, "Tickets0.xml#1")
    await source.close()


async def test_zendesk_lines_with_the_users_beside_them(tmp_path: Path) -> None:
    deleted = ZENDESK | {"id": 10, "status": "deleted"}
    bare = {name: value for name, value in ZENDESK.items() if name != "comments"} | {"id": 11, "is_public": False}
    write(
        tmp_path,
        {
            "export-2025-tickets.json": lines({"ticket": ZENDESK}, deleted, bare) + b"{no json}\n",
            "export-2025-users.json": lines(*ZENDESK_USERS),
            "export-2025-organizations.json": lines({"id": 903, "name": "Acme", "domain_names": []}),
        },
    )
    source = opened(tmp_path)
    assert set(await versions(source)) == {"9", "11", "export-2025-tickets.json#4"}
    made = await ticket(source, "9")
    assert made.requester is not None
    assert made.organization is not None
    assert (made.requester.name, made.organization.name, made.status) == ("Ann", "Acme", Status.RESOLVED)
    assert [(turn.role, turn.private) for turn in made.conversations] == [(Role.CUSTOMER, False), (Role.AGENT, True), (Role.AGENT, True)]
    assert [turn.private for turn in (await ticket(source, "11")).conversations] == [True]
    raw = (await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id="9", version=""))).raw
    assert b"10.1.2.3" not in raw
    assert await versions(source, Stream.ARTICLES) == {}
    again = await source.remake(ItemRef(doc_type=DocType.TICKET, original_id="9", version=""), raw)
    assert again.item == made
    await source.close()


async def test_lines_of_somebody_elses_tickets_are_read_by_their_columns(tmp_path: Path) -> None:
    own = [{"id": n, "subject": f"s {n}", "requester": {"name": "Ann"}, "status": "open", "created_at": "2025-01-01"} for n in (1, 2)]
    write(tmp_path, {"tickets.jsonl": lines(*own), "Tickets0.json": tickets({}), "desklore.yaml": DECLARED})
    source = opened(tmp_path)
    assert set(await versions(source)) == {"1", "2", "old-7"}
    assert (await ticket(source, "old-7")).original_id == "old-7"
    await source.close()


DECLARED = b"files: {'Tickets*.json': {id_prefix: old-, product: Shop}}"


def previewed(name: str, data: bytes, declaration: bytes = b"") -> Preview:
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the preview closes it
    file.write(data)
    file.seek(0)
    shown = LocalFileTools(EXPORT_READERS).preview(file, name, declaration)
    assert file.closed
    return shown


def test_a_preview_says_what_was_recognized() -> None:
    shown = previewed("Tickets0.json", json.dumps(tickets({}, {"display_id": None}, {"deleted": True})).encode())
    assert (shown.kind, shown.preset, shown.written_as) == ("tickets", "freshdesk", "Freshdesk account export, JSON")
    assert [each.original_id for each in shown.tickets] == ["7"]
    assert shown.problems == ("record 2: Freshdesk sent `display_id` in a shape its API does not document: missing.",)
    articles = previewed("Solutions0.json", json.dumps(solutions()).encode())
    assert [(each.title, each.folder, each.visibility) for each in articles.articles] == [("환불 안내", "도움말 / 결제", "public")]
    assert previewed("Users0.json", json.dumps(PEOPLE["Users0.json"]).encode()).kind == "names"
    assert previewed("feed.xml", b"<rss/>").kind == "passed_over"
    assert previewed("tickets.json", lines(ZENDESK)).written_as == "Zendesk account export, JSON lines"
    assert previewed("faq.json", b'{"q": "a"}').kind == "document"


def test_readers_are_told_apart_by_platform() -> None:
    assert set(by_platform(EXPORT_READERS)) == {"freshdesk", "zendesk"}
    first = [json.loads(json.dumps(ZENDESK))]
    assert [reader.part_of("x.json", first) for reader in EXPORT_READERS] == [None, "tickets"]
    assert [reader.part_of("x.json", tickets({})) for reader in EXPORT_READERS] == ["tickets", None]
