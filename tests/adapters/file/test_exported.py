"""Parts of account exports among files, by the shapes that the vendors document."""

from pathlib import Path
from typing import Any

import pytest

from backend.core.errors import AppError
from backend.core.model.article import Visibility
from backend.core.model.sync import Stream
from backend.core.model.ticket import ConversationKind, Role, Status
from tests.adapters.file.exports_given import ARTICLE, PEOPLE, article, opened, solutions, ticket, tickets, versions, write


async def test_a_freshdesk_ticket_with_the_names_of_the_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"export/Tickets0.json": tickets({}), **{f"export/{name}": data for name, data in PEOPLE.items()}})
    source = opened(tmp_path)
    assert set(await versions(source)) == {"7"}
    assert await versions(source, Stream.ARTICLES) == {}
    made = await ticket(source, "7")
    assert (made.subject, made.status, made.status_label, made.group, made.tags) == (
        "결제가 두 번 되었어요",
        Status.CLOSED,
        "Closed",
        "결제팀",
        ("결제",),
    )
    assert made.requester is not None
    assert made.assignee is not None
    assert made.organization is not None
    names = (made.requester.name, made.assignee.name, made.organization.name, made.custom_fields)
    assert names == ("김하늘", "박상담", "하늘상사", {"주문번호": "A-1"})
    # The note that Freshdesk writes for itself is none; what does not say that it is public is not.
    said = [(turn.kind, turn.role, turn.private) for turn in made.conversations]
    assert said == [
        (ConversationKind.DESCRIPTION, Role.CUSTOMER, False),
        (ConversationKind.REPLY, Role.AGENT, False),
        (ConversationKind.NOTE, Role.AGENT, True),
        (ConversationKind.NOTE, Role.AGENT, True),
    ]
    assert "4 files of an account export hold no knowledge" in source.remarks[0]
    await source.close()


async def test_names_that_change_make_another_version_and_nothing_else_does(tmp_path: Path) -> None:
    write(tmp_path, {"Tickets0.json": tickets({}), **PEOPLE})
    source = opened(tmp_path)
    first = await versions(source)
    # The same people in another file, and one more field of theirs.
    moved = [{"user": {**PEOPLE["Users0.json"][0]["user"], "last_login_at": "2025-04-01"}}]
    write(tmp_path, {"Users0.json": moved})
    assert await versions(source) == first
    write(tmp_path, {"Users0.json": [{"user": {"id": 11, "name": "김구름", "email": "sky@example.com"}}]})
    assert await versions(source) != first
    made = await ticket(source, "7")
    assert made.requester is not None
    assert made.requester.name == "김구름"
    await source.close()


async def test_a_renamed_file_of_an_export_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"Tickets0.json": tickets({}), "Users0.json": PEOPLE["Users0.json"]})
    source = opened(tmp_path)
    first = await versions(source)
    (tmp_path / "files" / "Tickets0.json").rename(tmp_path / "files" / "지난해.json")
    assert await versions(source) == first
    (tmp_path / "files" / "지난해.json").unlink()
    assert await versions(source) == {}
    await source.close()


@pytest.mark.parametrize(
    ("visibility", "changes", "readers", "draft"),
    [
        (1, {}, Visibility.PUBLIC, False),
        (2, {}, Visibility.RESTRICTED, False),
        (3, {}, Visibility.INTERNAL, False),
        (None, {}, Visibility.INTERNAL, False),
        (99, {}, Visibility.INTERNAL, False),
        ("everybody", {}, Visibility.INTERNAL, False),
        (1, {"status": 1}, Visibility.INTERNAL, True),
        (1, {"status": None}, Visibility.INTERNAL, True),
        (1, {"status": ["2"]}, Visibility.INTERNAL, True),
    ],
)
async def test_an_article_is_for_those_that_the_export_says(
    tmp_path: Path, visibility: Any, changes: dict[str, Any], readers: Visibility, draft: bool
) -> None:
    write(tmp_path, {"Solutions0.json": solutions(visibility, **changes)})
    source = opened(tmp_path)
    assert set(await versions(source, Stream.ARTICLES)) == {"51"}
    made = await article(source, "51")
    assert (made.visibility, made.translations[0].draft, made.category, made.folder) == (readers, draft, "도움말", "결제")
    assert made.url is None
    await source.close()


async def test_one_odd_article_costs_nothing_but_itself(tmp_path: Path) -> None:
    category = solutions()[0]
    category["category"]["all_folders"][0]["articles"] += [
        ARTICLE | {"id": 52, "status": 2, "updated_at": "gestern"},
        {"title": "who am I"},
    ]
    responses = [
        {
            "folder": {
                "name": "인사",
                "canned_responses": [
                    {"id": 51, "title": "안녕", "content_html": "<p>안녕하세요</p>", "visibility": 0, "updated_at": "2025-01-01T00:00:00Z"}
                ],
            }
        }
    ]
    private = [{"folder": {"name": "My own", "personal": True, "canned_responses": responses[0]["folder"]["canned_responses"]}}]
    write(tmp_path, {"Solutions0.json": [category], "CannedResponses0.json": responses, "CannedResponses1.json": private})
    source = opened(tmp_path)
    found = await versions(source, Stream.ARTICLES)
    assert set(found) == {"51", "52", "canned-51", "Solutions0.json#3"}
    assert (await article(source, "canned-51")).canned
    for key, says in (("52", "article 2: Freshdesk sent `updated_at`"), ("Solutions0.json#3", "does not tell which item it is")):
        with pytest.raises(AppError, match=says):
            await article(source, key)
    await source.close()


async def test_only_what_lies_beside_an_export_is_judged_by_its_name(tmp_path: Path) -> None:
    notes = {
        "settings.json": {"theme": "dark"},
        "faq.json": {"q": "a"},
        "roles.json": [{"name": "x"}],
        "feed.xml": b"<rss><item>x</item></rss>",
    }
    write(tmp_path, {f"own/{name}": data for name, data in notes.items()})
    write(tmp_path, {f"export/{name}": data for name, data in notes.items()})
    write(tmp_path, {"export/Tickets0.json": tickets({}), "export/TimeEntries0.json": [{"time_entry": {"id": 1, "note": "x"}}]})
    source = opened(tmp_path)
    await versions(source)
    kinds = {each.path: each.kind for each in await source.files()}
    documents = {path for path, kind in kinds.items() if kind == "document"}
    assert documents == {"own/settings.json", "own/faq.json", "own/roles.json", "export/faq.json"}
    assert kinds["own/feed.xml"] == kinds["export/settings.json"] == kinds["export/TimeEntries0.json"] == "passed_over"
    assert set(await versions(source, Stream.ARTICLES)) == documents
    # Once the export is gone they are what they are by themselves; what is declared goes first.
    (tmp_path / "files" / "export" / "Tickets0.json").unlink()
    write(tmp_path, {"desklore.yaml": b"files: {'own/faq.json': {kind: ignore}}"})
    after = set(await versions(source, Stream.ARTICLES))
    assert "export/settings.json" in after
    assert "own/faq.json" not in after
    assert "export/TimeEntries0.json" not in after
    await source.close()
