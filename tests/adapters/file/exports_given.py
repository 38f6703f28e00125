"""Account exports by the shapes that the vendors document, and a Source over them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.file.places.folder import FolderPlace
from backend.adapters.file.shelf import Shelf
from backend.adapters.file.source import FileSource
from backend.adapters.registry import EXPORT_READERS
from backend.core.errors import AppError, Code
from backend.core.model.article import Article
from backend.core.model.document import DocType
from backend.core.model.sync import ItemRef, Stream
from backend.core.model.ticket import Ticket
from backend.storage.blobs.local import LocalBlobStores
from desklore_conformance.truth import refs_of

TICKET: dict[str, Any] = {
    "id": 9_000_001,
    "account_id": 670_001,
    "display_id": 7,
    "subject": "결제가 두 번 되었어요",
    "description": "카드로 이중 결제",
    "description_html": "<div>카드로 이중 결제</div>",
    "status": 5,
    "status_name": "Closed",
    "priority": 2,
    "source": 2,
    "requester_id": 11,
    "responder_id": 21,
    "group_id": 31,
    "owner_id": 41,
    "deleted": False,
    "spam": False,
    "created_at": "2025-03-01T10:00:00+09:00",
    "updated_at": "2025-03-02T10:00:00+09:00",
    "custom_field": {"주문번호_670001": "A-1"},
    "tags": [{"name": "결제"}],
    "notes": [
        {"id": 1, "body": "created_by: 11", "private": True, "source": 4, "user_id": 11, "created_at": "2025-03-01T10:00:01+09:00"},
        {"id": 2, "body": "환불했습니다", "private": False, "source": 0, "user_id": 21, "created_at": "2025-03-01T11:00:00+09:00"},
        {"id": 3, "body": "사기 의심", "private": True, "source": 2, "user_id": 21, "created_at": "2025-03-01T12:00:00+09:00"},
        {"id": 4, "body": "누구에게나?", "source": 2, "user_id": 12, "created_at": "2025-03-01T13:00:00+09:00"},
    ],
}
ARTICLE = {
    "id": 51,
    "title": "환불 안내",
    "description": "<p>7일 안에</p>",
    "created_at": "2025-01-01T00:00:00Z",
    "updated_at": "2025-01-01T00:00:00Z",
}
PEOPLE: dict[str, list[dict[str, Any]]] = {
    "Users0.json": [{"user": {"id": 11, "name": "김하늘", "email": "sky@example.com", "deleted": False}}, {"user": {"id": None}}],
    "AllAgents0.json": [{"user": {"id": 21, "name": "박상담", "email": "agent@example.com"}}],
    "Groups0.json": [{"group": {"id": 31, "name": "결제팀"}}],
    "Companies0.json": [{"company": {"id": 41, "name": "하늘상사"}}],
}
MACHINE = {"system": {"ip_address": "10.1.2.3"}}
ZENDESK: dict[str, Any] = {
    "url": "https://acme.zendesk.com/api/v2/tickets/9.json",
    "id": 9,
    "subject": "Printer",
    "raw_subject": "Printer",
    "description": "It smokes",
    "status": "solved",
    "priority": "high",
    "requester_id": 901,
    "submitter_id": 901,
    "assignee_id": 902,
    "organization_id": 903,
    "group_id": None,
    "brand_id": 1,
    "tags": ["hp"],
    "via": {"channel": "email"},
    "custom_fields": [{"id": 5, "value": None}],
    "created_at": "2025-01-01T00:00:00Z",
    "updated_at": "2025-01-02T00:00:00Z",
    "generated_timestamp": 1_735_776_000,
    "is_public": True,
    "comments": [
        {
            "id": 1,
            "author_id": 901,
            "public": True,
            "plain_body": "It smokes",
            "created_at": "2025-01-01T00:00:00Z",
            "metadata": {"system": {"ip_address": "10.1.2.3"}},
        },
        {"id": 2, "author_id": 902, "public": False, "plain_body": "Not again", "created_at": "2025-01-01T01:00:00Z"},
        {"id": 3, "author_id": 902, "public": "maybe", "plain_body": "Unplug it", "created_at": "2025-01-01T02:00:00Z"},
    ],
}
ZENDESK_USERS = [
    {"id": 901, "name": "Ann", "email": "ann@example.com", "role": "end-user", "active": True, "verified": True, "organization_id": 903},
    {"id": 902, "name": "Bob", "email": "bob@example.com", "role": "agent", "active": True, "verified": True, "organization_id": None},
]


def tickets(*records: Any) -> list[Any]:
    """Records of a file of tickets: the usual one with these changes."""
    return [{"helpdesk_ticket": TICKET | record} for record in records]


def solutions(visibility: Any = 1, **article: Any) -> list[Any]:
    """A category with one folder that has one article."""
    folders = [{"id": 61, "name": "결제", "visibility": visibility, "articles": [ARTICLE | {"status": 2} | article]}]
    return [{"category": {"id": 71, "name": "도움말", "all_folders": folders}}]


def opened(tmp_path: Path) -> FileSource:
    """A Source over `tmp_path/files`."""
    blobs = LocalBlobStores(tmp_path / "blobs").open("acme")
    return FileSource(Shelf([FolderPlace(tmp_path / "files", ())], blobs, "sources/file/conn_1", readers=EXPORT_READERS), "files", page=50)


def write(tmp_path: Path, files: Mapping[str, Any]) -> None:
    """Put files there, each at once."""
    for name, content in files.items():
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        beside = path.with_suffix(".new")
        beside.write_bytes(data)
        beside.replace(path)


def lines(*records: Any) -> bytes:
    """JSON lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


async def versions(source: FileSource, stream: Stream = Stream.TICKETS) -> dict[str, str]:
    """What a stream names."""
    return {ref.original_id: ref.version for ref in await refs_of(source, stream)}


async def ticket(source: FileSource, key: str) -> Ticket:
    """One ticket."""
    item = (await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id=key, version=""))).item
    assert isinstance(item, Ticket)
    return item


async def article(source: FileSource, key: str) -> Article:
    """One article."""
    item = (await source.fetch(ItemRef(doc_type=DocType.ARTICLE, original_id=key, version=""))).item
    assert isinstance(item, Article)
    return item


async def problem_of(source: FileSource, key: str) -> str:
    """Why a ticket can't be made."""
    with pytest.raises(AppError) as caught:
        await ticket(source, key)
    assert caught.value.code is Code.SOURCE_MALFORMED
    return caught.value.message
