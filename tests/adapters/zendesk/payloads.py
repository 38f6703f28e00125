"""Payloads in the shapes that Zendesk's documentation shows (https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/)."""

from typing import Any

from backend.adapters.zendesk.names import Field, Names
from backend.adapters.zendesk.people import User, user_of

Json = dict[str, Any]
SITE = "https://acme.zendesk.com"

TICKET: Json = {
    "id": 35436,
    "url": f"{SITE}/api/v2/tickets/35436.json",
    "via": {"channel": "voice", "source": {"from": {}, "to": {}, "rel": None}},
    "created_at": "2026-07-20T22:55:29Z",
    "updated_at": "2026-07-21T10:38:52Z",
    "generated_timestamp": 1784630332,
    "type": "incident",
    "subject": "결제가 안 됩니다",
    "raw_subject": "결제가 안 됩니다",
    "description": "카드 결제 오류",
    "priority": "high",
    "status": "hold",
    "custom_status_id": 77,
    "requester_id": 20978392,
    "submitter_id": 76872,
    "assignee_id": 235323,
    "organization_id": 509974,
    "group_id": 98738,
    "brand_id": 123,
    "tags": ["enterprise", "other_tag"],
    "custom_fields": [
        {"id": 1, "value": "high_end"},
        {"id": 2, "value": ["kr", "us"]},
        {"id": 3, "value": None},
        {"id": 4, "value": False},
        {"id": 5, "value": 12.5},
        {"id": 999, "value": "gone"},
    ],
    "satisfaction_rating": {"id": 1234, "score": "good", "comment": "Great support!"},
    "comment_count": 3,
}
COMMENT: Json = {
    "id": 1274,
    "type": "Comment",
    "author_id": 20978392,
    "body": "Thanks for your help!",
    "html_body": '<div class="zd-comment">Thanks for your help!</div>',
    "plain_body": "Thanks for your help!",
    "public": True,
    "created_at": "2026-07-20T22:55:29Z",
    "attachments": [
        {
            "id": 498483,
            "name": "crash.log",
            "file_name": "crash.log",
            "content_type": "text/plain",
            "content_url": f"{SITE}/attachments/token/abc/?name=crash.log",
            "size": 2532,
            "inline": False,
            "deleted": False,
            "malware_scan_result": "malware_not_found",
        }
    ],
    "metadata": {"system": {"client": "Mozilla/5.0", "ip_address": "1.1.1.1", "location": "Seoul"}, "via": {}},
    "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": "web_widget"}},
}
USERS: list[Json] = [
    {"id": 20978392, "name": "김고객", "email": "kim@buyer.example", "role": "end-user"},
    {"id": 235323, "name": "Agent Lee", "email": "lee@acme.example", "role": "agent"},
]
NAMES = Names(
    fields={
        "1": Field("Plan", {"high_end": "High end"}),
        "2": Field("시장", {"kr": "한국", "us": "미국"}),
        "3": Field("Empty", {}),
        "4": Field("VIP", {}),
        "5": Field("Hours", {}),
    },
    statuses={"77": "외부 확인 중"},
    groups={"98738": "Billing"},
    brands={"123": "Acme Pay"},
)


def users() -> dict[str, User]:
    """The people of the payloads."""
    return {str(user["id"]): user_of(user) for user in USERS}
