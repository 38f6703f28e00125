"""Zendesk's XML export: the first version of its API, made into what its present API would say.

Shapes and numbers are those of http://www.zendesk.com/support/api/tickets. What it leaves out is left out: a comment has no id and
no HTML, and is called by its place in the ticket; nothing tells when the system itself touched a ticket.
"""

from collections.abc import Mapping
from typing import Any, Final

from backend.adapters.zendesk.fields import Record, ident, number, records, text

_STATUSES: Final = {0: "new", 1: "open", 2: "pending", 3: "solved", 4: "closed", 5: "deleted", 6: "hold"}
_PRIORITIES: Final = {1: "low", 2: "normal", 3: "high", 4: "urgent"}
_TYPES: Final = {1: "question", 2: "incident", 3: "problem", 4: "task"}
_CHANNELS: Final = {0: "web", 4: "email", 5: "api", 8: "rule", 29: "chat", 33: "voice", 34: "voice", 35: "voice"}
_ROLES: Final = {0: "end-user", 2: "admin", 4: "agent"}
_SAME: Final = ("subject", "description", "created_at", "updated_at", "generated_timestamp")
_IDS: Final = ("requester_id", "submitter_id", "assignee_id", "organization_id", "group_id")


def from_xml(record: Record) -> Record:
    """A record of the XML export as the API has it; any other one as it is."""
    if "status_id" in record and ("nice_id" in record or "description" in record):
        return _ticket(record)
    if "roles" in record and "email" in record and not isinstance(record["roles"], list):
        return {**record, "role": _ROLES.get(number(record, "roles") or 0, "end-user")}
    return record


def _ticket(record: Record) -> Record:
    # Old exports call by `id` what only they know, and by `nice-id` what everybody sees.
    key = ident(record, "nice_id") or ident(record, "id")
    return {
        "id": key,
        **{name: record[name] for name in _SAME if name in record},
        **{name: ident(record, name) for name in _IDS},
        "status": _told(_STATUSES, record, "status_id"),
        "priority": _told(_PRIORITIES, record, "priority_id"),
        "type": _told(_TYPES, record, "ticket_type_id"),
        "tags": text(record, "current_tags").split(),
        "via": {"channel": _told(_CHANNELS, record, "via_id")},
        "custom_fields": [
            {"id": each.get("ticket_field_id"), "value": each.get("value")} for each in records(record, "ticket_field_entries")
        ],
        "metric_set": {"solved_at": record.get("solved_at")},
        "comments": [_comment(each, f"{key}-{place}") for place, each in enumerate(records(record, "comments"), 1)],
    }


def _comment(record: Record, key: str) -> dict[str, Any]:
    # What nobody says is public is for agents only.
    public = record.get("is_public") in (True, "true", "1")
    return {
        "id": key,
        "type": text(record, "type") or "Comment",
        "author_id": ident(record, "author_id"),
        "public": public,
        "plain_body": text(record, "value"),
        "created_at": record.get("created_at"),
        "via": {"channel": _told(_CHANNELS, record, "via_id")},
        "attachments": [
            {
                "id": ident(each, "id") or ident(each, "token"),
                "file_name": text(each, "filename") or text(each, "file_name"),
                "content_type": text(each, "content_type"),
                "size": number(each, "size"),
                "content_url": text(each, "url") or text(each, "content_url"),
            }
            for each in records(record, "attachments")
        ],
    }


def _told(words: Mapping[int, str], record: Record, field: str) -> str | None:
    return words.get(value) if (value := number(record, field)) is not None else None
