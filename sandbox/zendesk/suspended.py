"""The queue of suspended tickets: mail that waits to be let in (https://developer.zendesk.com/api-reference/ticketing/tickets/suspended_tickets/).

A mail in it is no ticket: its id is one of its own. Recovered it becomes a ticket, or a comment of the ticket it answers.
"""

from sandbox.data.facts import iso
from sandbox.data.model import Json
from sandbox.wire import Answer, Ask, ok
from sandbox.zendesk import change, render
from sandbox.zendesk.queue import CAUSES, SPAM, Mail
from sandbox.zendesk.sides import with_count
from sandbox.zendesk.site import Site
from sandbox.zendesk.wire import denied, ids_of, invalid, missing, paged


def suspend(site: Site, fields: Json) -> Mail:
    """A mail comes in and is not let in: `subject`, `content`, `cause`, `author_id`, `ticket_id`, all optional."""
    cause = str(fields.get("cause", SPAM))
    if cause not in CAUSES:
        raise invalid(f"Unknown cause: {cause}")
    people = site.account.people
    author = people.contacts.get(fields.get("author_id", 0))
    name, email = (author.name, author.email) if author is not None else ("sender", "sender@elsewhere.example")
    mail = Mail(name, email, str(fields.get("subject", "")), str(fields.get("content", "")), cause, site.world.now())
    mail.author_id, mail.ticket_id = (author.id if author is not None else None), fields.get("ticket_id")
    return site.queue.add(mail)


def recover(site: Site, mail_id: int, requester_id: int | None = None) -> int:
    """Let a mail in: the number of the ticket that it became, or has become a comment of. `requester_id`: instead of its author."""
    mail = _mail(site, mail_id)
    del site.queue.mails[mail_id]
    if mail.ticket_id is not None and site.world.shown(mail.ticket_id):
        author = mail.author_id or site.account.tickets[mail.ticket_id].requester_id
        change.add_comment(site, mail.ticket_id, {"body": mail.content, "author_id": author})
        return mail.ticket_id
    fields = {"subject": mail.subject, "description": mail.content}
    ticket = change.create(site, fields | ({"requester_id": mail.author_id} if mail.author_id else {}))
    if requester_id is not None:
        change.update(site, ticket.id, {"requester_id": requester_id})
    return ticket.id


def handles(path: str) -> bool:
    """Whether a path below the API is one of these."""
    return path.split("/")[1:2] == ["suspended_tickets"]


def answer(site: Site, ask: Ask, path: str) -> Answer:
    """Answer a request below `/suspended_tickets`: for administrators, and for agents without restriction. Raises Refusal."""
    if ask.role == "end-user" or ask.scope != 1:
        raise denied()
    match ask.method, path.strip("/").split("/")[1:]:
        case "GET", []:
            return _list(site, ask)
        case "GET", [_]:
            return ok({"suspended_ticket": _shown(site, _mail(site, _number(ask)))})
        case "PUT", [_, "recover"]:
            # As documented: whoever recovers one becomes its requester, and the answer's list is called `ticket`.
            return ok({"ticket": [_ticket(site, ask, recover(site, _number(ask), ask.agent_id))]})
        case "PUT", ["recover_many"]:
            found = [number for number in ids_of(ask) if number in site.queue.mails]
            return ok({"tickets": [_ticket(site, ask, recover(site, number)) for number in found]})
        case "DELETE", ["destroy_many"]:
            for number in ids_of(ask):
                site.queue.mails.pop(number, None)
            return Answer(204)
        case "DELETE", [_]:
            del site.queue.mails[_mail(site, _number(ask)).id]
            return Answer(204)
        case _:
            raise missing("InvalidEndpoint")


def _list(site: Site, ask: Ask) -> Answer:
    rows = [_shown(site, mail) for mail in site.queue.mails.values()]
    order = {"author_email": lambda row: row["author"]["email"], "cause": lambda row: row["cause"], "subject": lambda row: row["subject"]}
    rows.sort(key=order.get(ask.query.get("sort_by", ""), lambda row: row["created_at"]), reverse=ask.query.get("sort_order") == "desc")
    return paged(site, ask, "suspended_tickets", rows)


def _shown(site: Site, mail: Mail) -> Json:
    sender = {"address": mail.email, "name": mail.name}
    return {
        "url": f"{site.links.api_base}/api/v2/suspended_tickets/{mail.id}.json",
        "id": mail.id,
        "author": {"id": mail.author_id, "name": mail.name, "email": mail.email},
        "subject": mail.subject,
        "content": mail.content,
        "cause": mail.cause,
        "cause_id": CAUSES[mail.cause],
        "error_messages": None,
        "message_id": f"<{mail.id}@{mail.email.rpartition('@')[2]}>",
        "recipient": f"support@{site.domain}",
        "ticket_id": mail.ticket_id,
        "brand_id": None,
        "attachments": [],
        "created_at": iso(mail.created_at),
        "updated_at": iso(mail.created_at),
        "via": {
            "channel": "email",
            "source": {"from": sender, "to": {"address": f"support@{site.domain}", "name": "Support"}, "rel": None},
        },
    }


def _ticket(site: Site, ask: Ask, number: int) -> Json:
    return with_count(site, ask, render.ticket(site, site.account.tickets[number]))


def _number(ask: Ask) -> int:
    if not ask.ids:
        raise missing()
    return ask.ids[0]


def _mail(site: Site, mail_id: int) -> Mail:
    mail = site.queue.mails.get(mail_id)
    if mail is None:
        raise missing()
    return mail
