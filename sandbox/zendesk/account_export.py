"""The JSON export of the account: one ticket a line, with its comments and the people it names.

https://support.zendesk.com/hc/en-us/articles/4408886165402
"""

import time
import zipfile
from typing import IO

import orjson

from sandbox.data.model import Json, Ticket
from sandbox.zendesk import render
from sandbox.zendesk.site import Site


def write_export(site: Site, out: IO[bytes]) -> None:
    """Write the account's tickets as they are now."""
    at = time.gmtime(site.world.now())
    shown = [ticket for ticket in site.account.tickets.values() if site.world.shown(ticket.id)]
    lines = b"".join(orjson.dumps(_ticket(site, ticket)) + b"\n" for ticket in shown)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(f"export-{time.strftime('%Y-%m-%d-%H%M', at)}-tickets.json", at[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, lines)


def _ticket(site: Site, ticket: Ticket) -> Json:
    view = render.ticket(site, ticket)
    people = site.account.people
    company = people.companies.get(ticket.company_id or 0)
    group = next((name for name, key in people.groups.items() if key == ticket.group_id), None)
    return {
        **view,
        "requester": render.user(site, ticket.requester_id),
        "submitter": render.user(site, ticket.requester_id),
        "assignee": render.user(site, ticket.responder_id) if ticket.responder_id is not None else None,
        "organization": {"id": company.id, "name": company.name} if company is not None else None,
        "group": {"id": ticket.group_id, "name": group} if group is not None else None,
        "metric_set": render.metric_set(ticket),
        "comments": [render.comment(site, comment) for comment in site.world.comments(ticket.id)],
    }
