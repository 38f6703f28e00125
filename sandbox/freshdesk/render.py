"""Turn the truth into Freshdesk's JSON (https://developers.freshdesk.com/api/#tickets, #conversations, #contacts)."""

from collections.abc import Iterable
from typing import Any

from sandbox.data import library
from sandbox.data.account import Account
from sandbox.data.beats import SUPPORT_MAIL
from sandbox.data.facts import RESOLUTIONS, iso
from sandbox.data.mail import plain
from sandbox.data.model import Attachment, Company, Json, Person, Ticket, Turn

#: Hours to resolve and to answer first, by priority.
_SLA = {1: (120, 24), 2: (72, 12), 3: (24, 4), 4: (8, 1)}
#: More than Freshdesk's own four statuses, so that labels must be read from the ticket fields.
STATUSES: dict[int, tuple[str, str]] = {
    2: ("Open", "처리 중"),
    3: ("Pending", "답변 대기"),
    4: ("Resolved", "해결됨"),
    5: ("Closed", "종료됨"),
    6: ("Waiting on Customer", "고객 회신 대기"),
    7: ("Waiting on Third Party", "외부 확인 중"),
    8: ("Waiting on Engineering", "개발팀 확인 중"),
    9: ("Scheduled for Release", "배포 예정"),
}


def _when(value: int | None) -> str | None:
    return iso(value) if value is not None else None


def ticket_core(account: Account, ticket: Ticket) -> Json:
    """The fields of a list item."""
    resolve, respond = _SLA[ticket.priority]
    nulls = ticket.flow == "nulls"
    core: Json = {
        "cc_emails": [],
        "fwd_emails": [],
        "reply_cc_emails": [],
        "ticket_cc_emails": [],
        "ticket_bcc_emails": None,
        "fr_escalated": False,
        "spam": ticket.state == "spam",
        "email_config_id": None if ticket.source != 1 else 67_000_000_001,
        "group_id": ticket.group_id,
        "priority": ticket.priority,
        "requester_id": ticket.requester_id,
        "responder_id": ticket.responder_id,
        "source": ticket.source,
        "company_id": ticket.company_id,
        "status": ticket.status,
        "subject": ticket.subject,
        "association_type": None,
        "support_email": SUPPORT_MAIL if ticket.source == 1 else None,
        "to_emails": None if ticket.source != 1 else [SUPPORT_MAIL],
        "product_id": ticket.product_id,
        "id": ticket.id,
        "type": ticket.type,
        # The SLA engine leaves both empty for a while after an update.
        "due_by": None if nulls else iso(ticket.created_at + resolve * 3600),
        "fr_due_by": None if nulls else iso(ticket.created_at + respond * 3600),
        "is_escalated": ticket.flow == "escalated",
        "custom_fields": _custom_fields(account, ticket),
        "created_at": iso(ticket.created_at),
        "updated_at": iso(ticket.updated_at),
        "associated_tickets_count": None,
        "tags": list(ticket.tags),
        "nr_due_by": None,
        "nr_escalated": False,
        "sentiment_score": None,
        "initial_sentiment_score": None,
    }
    return core | ticket.changes


def _custom_fields(account: Account, ticket: Ticket) -> Json:
    company = account.people.companies.get(ticket.company_id or 0)
    problem = library.by_key().get(ticket.problem or "")
    area = library.knowledge().areas[problem.area].choice if problem and ticket.flow != "nulls" else None
    solved = ticket.resolved_at is not None and ticket.flow not in {"nulls", "merged"}
    return {
        "cf_shop_id": company.shop_id if company else None,
        "cf_product_area": area,
        "cf_error_code": problem.code if problem and ticket.variant % 3 else None,
        "cf_resolution": RESOLUTIONS[ticket.variant % 4] if solved else ("Duplicate" if ticket.merged_into else None),
        "cf_affected_orders": ticket.variant % 90 if ticket.variant % 4 == 0 else None,
        "cf_refund_amount": None if ticket.variant % 10 else "129000.0",
        "cf_vip": ticket.variant % 7 == 0,
    }


def ticket_description(account: Account, ticket: Ticket) -> Json:
    """What `include=description` and the single view add."""
    body = account.story(ticket.id).description
    return {"description": body, "description_text": plain(body), "structured_description": None}


def ticket_extras(account: Account, ticket: Ticket) -> Json:
    """What only the single view has."""
    files = [file for file in account.story(ticket.id).attachments if not file.inline]
    extras: Json = {"attachments": attachments(account, files), "source_additional_info": None}
    if ticket.state == "deleted":
        extras["deleted"] = True
    if ticket.state == "archived":
        extras["archived"] = True
    return extras


def ticket_stats(account: Account, ticket: Ticket) -> Json:
    """The times of `include=stats`."""
    turns = [turn for turn in account.turns(ticket.id) if not turn.private and turn.source == 0]
    by_agent = [turn.created_at for turn in turns if turn.user_id in account.people.agents]
    by_requester = [turn.created_at for turn in turns if turn.user_id == ticket.requester_id]
    return {
        "agent_responded_at": _when(max(by_agent, default=None)),
        "requester_responded_at": _when(max(by_requester, default=None)),
        "first_responded_at": _when(min(by_agent, default=None)),
        "status_updated_at": iso(ticket.closed_at or ticket.resolved_at or ticket.updated_at),
        "reopened_at": None,
        "resolved_at": _when(ticket.resolved_at),
        "closed_at": _when(ticket.closed_at),
        "pending_since": iso(ticket.updated_at) if ticket.status == 3 else None,
    }


def ticket_requester(account: Account, ticket: Ticket) -> Json:
    """What `include=requester` adds."""
    who = account.people.person(ticket.requester_id)
    return {"id": who.id, "name": who.name, "email": who.email, "mobile": who.mobile, "phone": who.phone}


def ticket_company(account: Account, ticket: Ticket) -> Json:
    """What `include=company` adds."""
    company = account.people.companies.get(ticket.company_id or 0)
    return {"id": company.id, "name": company.name} if company else {}


def attachments(account: Account, files: Iterable[Attachment]) -> list[Json]:
    """Files, with slots where their addresses go when the payload is sent."""
    return [
        {
            "id": file.id,
            "name": file.name,
            "content_type": file.content_type,
            "size": len(account.file(file)),
            "created_at": iso(file.created_at),
            "updated_at": iso(file.created_at),
            "attachment_url": f"{{{{att:{file.id}}}}}",
            "thumb_url": f"{{{{thumb:{file.id}}}}}" if file.content_type.startswith("image/") else None,
        }
        for file in files
    ]


def conversation(account: Account, ticket_id: int, turn: Turn) -> Json:
    """One conversation."""
    return {
        "body": turn.body,
        "body_text": plain(turn.body) if turn.body_text is None else turn.body_text,
        "id": turn.id,
        "incoming": turn.incoming,
        "private": turn.private,
        "user_id": turn.user_id,
        "support_email": SUPPORT_MAIL if turn.source == 0 and not turn.incoming else None,
        "source": turn.source,
        "category": turn.category,
        "to_emails": turn.to_emails,
        "from_email": turn.from_email,
        "cc_emails": turn.cc_emails,
        "bcc_emails": [],
        "email_failure_count": None,
        "outgoing_failures": None,
        "thread_id": None,
        "thread_message_id": None,
        "created_at": iso(turn.created_at),
        "updated_at": iso(turn.updated_at),
        "last_edited_at": None,
        "last_edited_user_id": None,
        "attachments": attachments(account, (file for file in turn.attachments if not file.inline)),
        "automation_id": None,
        "automation_type_id": None,
        "auto_response": turn.auto_response,
        "ticket_id": ticket_id,
        "source_additional_info": None,
    }


def contact(account: Account, person: Person) -> Json:
    """One contact."""
    at = iso(account.reference - 400 * 86_400 + person.id % 300 * 86_400)
    company = account.people.companies.get(person.company_id or 0)
    return {
        "active": person.id % 4 != 0,
        "address": None,
        "company_id": person.company_id,
        "description": None,
        "email": person.email,
        "id": person.id,
        "job_title": person.job_title,
        "language": person.lang,
        "mobile": person.mobile,
        "name": person.name,
        "phone": person.phone,
        "time_zone": "Seoul" if person.lang == "ko" else "Eastern Time (US & Canada)",
        "twitter_id": None,
        "custom_fields": {"cf_vip": person.id % 9 == 0},
        "tags": [],
        "other_emails": [],
        "facebook_id": None,
        "created_at": at,
        "updated_at": at,
        "csat_rating": None,
        "preferred_source": "email",
        "first_name": person.name.split(" ")[0],
        "last_name": person.name.split(" ")[-1] if " " in person.name else None,
        "visitor_id": None,
        "unique_external_id": None,
        "view_all_tickets": company is not None and person.id % 5 == 0,
        "deleted": False,
    }


def company(account: Account, item: Company) -> Json:
    """One company."""
    at = iso(account.reference - 420 * 86_400)
    return {
        "id": item.id,
        "name": item.name,
        "description": None,
        "note": None,
        "domains": [item.domain],
        "created_at": at,
        "updated_at": at,
        "custom_fields": {"cf_shop_id": item.shop_id},
        "health_score": "Happy",
        "account_tier": "Premium" if item.id % 3 == 0 else "Basic",
        "renewal_date": None,
        "industry": item.industry,
        "org_company_id": None,
    }


def agent(account: Account, person: Person) -> Json:
    """One agent with the contact record inside."""
    at = iso(account.reference - 600 * 86_400)
    inner: dict[str, Any] = {
        "active": True,
        "email": person.email,
        "job_title": person.job_title,
        "language": person.lang,
        "last_login_at": iso(account.reference - 3_600),
        "mobile": None,
        "name": person.name,
        "phone": None,
        "time_zone": "Seoul",
        "created_at": at,
        "updated_at": at,
    }
    return {
        "available": True,
        "occasional": account.people.agent_scopes[person.id] == 3,
        "id": person.id,
        "ticket_scope": account.people.agent_scopes[person.id],
        "created_at": at,
        "updated_at": at,
        "last_active_at": iso(account.reference - 1_800),
        "available_since": at,
        "type": "support_agent",
        "contact": inner,
        "deactivated": False,
        "signature": None,
        "focus_mode": True,
        "group_ids": [account.people.agent_groups[person.id]],
        "role_ids": [67_000_000_005],
        "skill_ids": [],
    }
