"""Turn the truth into Zendesk's JSON (https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/)."""

from sandbox.data import library
from sandbox.data.facts import RESOLUTIONS, iso
from sandbox.data.mail import plain
from sandbox.data.model import Attachment, Company, Json, Ticket
from sandbox.data.story import surveyed
from sandbox.zendesk.site import Site
from sandbox.zendesk.world import Comment

FIELD_BASE = 67_700_000_000
STATUS_BASE = 67_710_000_000
BRAND_BASE = 67_720_000_000
#: Number in the shared data -> the category, and the name agents see; beyond the five categories everything is a custom status.
STATUSES: dict[int, tuple[str, str]] = {
    1: ("new", "New"),
    2: ("open", "Open"),
    3: ("pending", "Pending"),
    4: ("solved", "Solved"),
    5: ("closed", "Closed"),
    6: ("pending", "고객 회신 대기"),
    7: ("hold", "Waiting on third party"),
    8: ("open", "개발팀 확인 중"),
    9: ("hold", "Scheduled for release"),
}
_PRIORITIES = {1: "low", 2: "normal", 3: "high", 4: "urgent"}
_TYPES = {"Question": "question", "Incident": "incident", "Problem": "problem"}
_CHANNELS = {1: "email", 2: "web", 3: "voice", 7: "chat", 9: "web"}
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("shop_id", "상점 ID", "text"),
    ("product_area", "Product area", "tagger"),
    ("error_code", "오류 코드", "text"),
    ("resolution", "Resolution", "tagger"),
    ("affected_orders", "Affected orders", "integer"),
    ("vip", "VIP seller", "checkbox"),
    ("markets", "Markets", "multiselect"),
)
MARKETS = ("kr", "us", "jp")


def tag_of(choice: str) -> str:
    """The value of a choice, which Zendesk keeps as a tag."""
    return choice.lower().replace(" ", "_").replace("/", "_").replace("-", "_")


def ticket(site: Site, item: Ticket) -> Json:
    """A ticket as lists and the export show it."""
    world = site.world
    if item.id in world.scrubbed:
        return _scrubbed(site, item)
    category, _ = STATUSES[item.status]
    deleted = item.state in ("deleted", "spam")
    fields = _custom_fields(site, item)
    comments = world.comments(item.id)
    return {
        "url": f"{site.links.api_base}/api/v2/tickets/{item.id}.json",
        "id": item.id,
        "external_id": None,
        "via": {"channel": _CHANNELS.get(item.source, "api"), "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": iso(item.created_at),
        "updated_at": iso(item.updated_at),
        "generated_timestamp": world.generated(item.id),
        "type": _TYPES.get(item.type or ""),
        "subject": item.subject,
        "raw_subject": item.subject,
        "description": plain(comments[0].body)[:64_000] if comments else "",
        "priority": None if item.flow == "nulls" else _PRIORITIES[item.priority],
        "status": "deleted" if deleted else category,
        "recipient": None,
        "requester_id": item.requester_id,
        "submitter_id": item.requester_id,
        "assignee_id": item.responder_id,
        "organization_id": item.company_id,
        "group_id": item.group_id,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": None,
        "problem_id": None,
        "has_incidents": False,
        "is_public": any(comment.public for comment in comments),
        "due_at": None,
        "tags": [*item.tags, *(["closed_by_merge"] if item.merged_into is not None else [])],
        "custom_fields": fields,
        "satisfaction_rating": _rating(item),
        "sharing_agreement_ids": [],
        "custom_status_id": STATUS_BASE + item.status,
        "encoded_id": f"HB{item.id:06X}",
        "fields": fields,
        "followup_ids": [],
        "ticket_form_id": None,
        "brand_id": None if item.product_id is None else BRAND_BASE + item.product_id % 1000,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
    }


def _scrubbed(site: Site, item: Ticket) -> Json:
    """What is left of a ticket that was deleted for ever (as recorded): nothing to read, a month after its last change."""
    return {
        "url": f"{site.links.api_base}/api/v2/tickets/{item.id}.json",
        "id": item.id,
        "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": iso(item.created_at),
        "updated_at": iso(item.updated_at),
        "generated_timestamp": site.world.generated(item.id),
        "subject": "SCRUBBED",
        "raw_subject": "SCRUBBED",
        "description": "X",
        "status": "deleted",
        "priority": None,
        "requester_id": -1,
        "submitter_id": -1,
        "assignee_id": None,
        "organization_id": None,
        "group_id": None,
        "tags": [],
        "custom_fields": [],
        "fields": [],
        "brand_id": None,
    }


def _custom_fields(site: Site, item: Ticket) -> list[Json]:
    company = site.account.people.companies.get(item.company_id or 0)
    problem = library.by_key().get(item.problem or "")
    area = library.knowledge().areas[problem.area].choice if problem and item.flow != "nulls" else None
    solved = item.resolved_at is not None and item.flow not in {"nulls", "merged"}
    values: Json = {
        "shop_id": company.shop_id if company else None,
        "product_area": tag_of(area) if area else None,
        "error_code": problem.code if problem and item.variant % 3 else None,
        "resolution": tag_of(RESOLUTIONS[item.variant % 4]) if solved else None,
        "affected_orders": str(item.variant % 90) if item.variant % 4 == 0 else None,
        "vip": item.variant % 7 == 0,
        "markets": list(MARKETS[: item.variant % 3]) or None,
    } | item.changes.get("custom_fields", {})
    return [{"id": FIELD_BASE + number, "value": values[key]} for number, (key, _, _) in enumerate(FIELDS, 10)]


def _rating(item: Ticket) -> Json:
    if not surveyed(item):
        return {"score": "offered" if item.status == 5 else "unoffered"}
    score = "bad" if item.variant % 7 > 4 else "good"
    return {"id": 67_750_000_000 + item.id, "score": score, "comment": None}


def metric_set(item: Ticket) -> Json:
    """What `include=metric_sets` adds of a ticket."""
    return {
        "id": 67_760_000_000 + item.id,
        "ticket_id": item.id,
        "created_at": iso(item.created_at),
        "updated_at": iso(item.updated_at),
        "reopens": 0,
        "solved_at": iso(item.resolved_at) if item.resolved_at else None,
    }


def attachment(site: Site, file: Attachment) -> Json:
    """A file of a comment."""
    address = site.links.lasting(file)
    return {
        "url": f"{site.links.api_base}/api/v2/attachments/{file.id}.json",
        "id": file.id,
        "file_name": file.name,
        "content_url": address,
        "mapped_content_url": address,
        "content_type": file.content_type,
        "size": len(site.account.file(file)),
        "width": None,
        "height": None,
        "inline": file.inline,
        "deleted": False,
        "malware_access_override": False,
        "malware_scan_result": "malware_not_found",
        "thumbnails": [],
    }


def comment(site: Site, item: Comment, *, pictures: bool = False) -> Json:
    """A comment; its pictures are among the attachments only where `include_inline_images` asks for them."""
    body = site.links.inlined(item.body)
    rendered: Json = {
        "id": item.id,
        "type": item.kind,
        "author_id": item.author_id,
        "body": plain(body),
        "html_body": f'<div class="zd-comment" dir="auto">{body}</div>',
        "plain_body": plain(body),
        "public": item.public,
        "attachments": [attachment(site, file) for file in item.files if pictures or not file.inline],
        "audit_id": item.id + 1,
        "via": {"channel": item.channel, "source": {"from": {}, "to": {}, "rel": "trigger" if item.channel == "rule" else None}},
        "created_at": iso(item.created_at),
        "metadata": {
            "system": {"client": "Mozilla/5.0", "ip_address": "203.0.113.77", "location": "Seoul, 11, South Korea", "latitude": 37.5},
            "custom": {},
        },
    }
    if item.kind == "VoiceComment":
        rendered["data"] = {
            "from": "+82107770000",
            "to": "+8225550100",
            "location": "Seoul, South Korea",
            "call_duration": 84,
            "answered_by_id": None,
            "recording_url": f"{site.links.api_base}/api/v2/channels/voice/calls/{item.id}/twilio/recording",
            "transcription_text": plain(item.body)[:400],
            "transcription_status": "completed",
            "started_at": iso(item.created_at),
        }
        rendered["formatted_from"], rendered["formatted_to"] = "+82 10-777-0000", "+82 2-555-0100"
    return rendered


def event(site: Site, when: int, number: int, item: Comment | None) -> Json:
    """An entry of the ticket events, with what `include=comment_events` adds. A comment there has no time of its own."""
    children: list[Json] = []
    if item is not None:
        said = comment(site, item)
        del said["created_at"], said["metadata"]
        children.append(said | {"event_type": said["type"], "via_reference_id": None})
    children.append({"id": number * 2, "via": "Web form", "event_type": "Change", "status": "open", "previous_value": "new"})
    return {
        "id": number,
        "ticket_id": item.ticket_id if item else (number - 67_200_000_000) // 1000,
        "timestamp": when,
        "created_at": iso(when),
        "updater_id": item.author_id if item else -1,
        "via": "Web form",
        "system": {"client": "Mozilla/5.0", "ip_address": "203.0.113.77", "location": "Seoul, South Korea"},
        "metadata": {},
        "event_type": "Audit",
        "child_events": children,
    }


def user(site: Site, user_id: int) -> Json:
    """A user: agents and end users alike."""
    person = site.account.people.person(user_id)
    at = iso(site.account.reference - 500 * 86_400)
    return {
        "id": person.id,
        "url": f"{site.links.api_base}/api/v2/users/{person.id}.json",
        "name": person.name,
        "email": person.email,
        "role": site.role_of(user_id),
        "active": True,
        "suspended": person.id in site.suspended,
        "verified": True,
        "locale": "ko" if person.lang == "ko" else "en-US",
        "time_zone": "Seoul",
        "phone": person.phone,
        "organization_id": person.company_id,
        "created_at": at,
        "updated_at": at,
        "tags": [],
        "user_fields": {},
        "photo": None,
        "restricted_agent": False,
    }


def organization(item: Company, site: Site) -> Json:
    """An organization."""
    at = iso(site.account.reference - 420 * 86_400)
    return {"id": item.id, "name": item.name, "domain_names": [item.domain], "created_at": at, "updated_at": at, "tags": [], "notes": None}
