"""The exports of the account: JSON with one ticket a line, its comments and the people it names; or XML, which tells less.

https://support.zendesk.com/hc/en-us/articles/4408886165402, and for XML http://www.zendesk.com/support/api/tickets
"""

import time
import zipfile
from typing import IO, Any, Final
from xml.sax.saxutils import escape

import orjson

from sandbox.data.model import Json, Ticket
from sandbox.zendesk import render
from sandbox.zendesk.site import Site

_STATUSES: Final = {"new": 0, "open": 1, "pending": 2, "solved": 3, "closed": 4, "deleted": 5, "hold": 6}
_PRIORITIES: Final = {None: 0, "low": 1, "normal": 2, "high": 3, "urgent": 4}
_TYPES: Final = {None: 0, "question": 1, "incident": 2, "problem": 3, "task": 4}
_VIA: Final = {"web": 0, "email": 4, "rule": 8, "chat": 29, "voice": 34}


def write_export(site: Site, out: IO[bytes], form: str = "json") -> None:
    """Write the account's tickets as they are now, as `json` or as `xml`."""
    at = time.gmtime(site.world.now())
    shown = [ticket for ticket in site.account.tickets.values() if site.world.shown(ticket.id)]
    if form == "xml":
        written = "".join(_xml_ticket(_ticket(site, ticket)) for ticket in shown)
        lines = f'<?xml version="1.0" encoding="UTF-8"?>\n<tickets type="array">\n{written}</tickets>\n'.encode()
    else:
        lines = b"".join(orjson.dumps(_ticket(site, ticket)) + b"\n" for ticket in shown)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(f"export-{time.strftime('%Y-%m-%d-%H%M', at)}-tickets.{form}", at[:6])
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


def _xml_ticket(view: Json) -> str:
    comments = "".join(
        f"<comment>{_element('author-id', each['author_id'])}{_element('created-at', each['created_at'])}"
        f"{_element('is-public', each['public'], kind='boolean')}{_element('type', each['type'])}{_element('value', each['plain_body'])}"
        f"<via-id>{_VIA.get(each['via']['channel'], 5)}</via-id></comment>"
        for each in view["comments"]
    )
    fields = "".join(
        f"<ticket-field-entry>{_element('ticket-field-id', each['id'])}{_element('value', each['value'])}</ticket-field-entry>"
        for each in view["custom_fields"]
        if each["value"] not in (None, "", [])
    )
    told = "".join(_element(name.replace("_", "-"), view.get(name)) for name in ("subject", "description", "created_at", "updated_at"))
    people = ("requester_id", "submitter_id", "assignee_id", "organization_id", "group_id")
    ids = "".join(_element(name.replace("_", "-"), view.get(name), kind="integer") for name in people)
    return (
        f"<ticket>{_element('nice-id', view['id'], kind='integer')}{told}{ids}{_element('solved-at', view['metric_set']['solved_at'])}"
        f"<status-id>{_STATUSES[view['status']]}</status-id><priority-id>{_PRIORITIES[view['priority']]}</priority-id>"
        f"<ticket-type-id>{_TYPES[view['type']]}</ticket-type-id><via-id>{_VIA.get(view['via']['channel'], 5)}</via-id>"
        f"{_element('current-tags', ' '.join(view['tags']))}"
        f'<comments type="array">{comments}</comments><ticket-field-entries type="array">{fields}</ticket-field-entries></ticket>\n'
    )


def _element(name: str, value: Any, *, kind: str = "") -> str:
    if value is None:
        return f'<{name} nil="true"/>'
    told = " ".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else str(value)
    attribute = f' type="{kind}"' if kind else ""
    return f"<{name}{attribute}>{escape(told)}</{name}>"
