"""The account export as a job: asked for, looked at until it is done, and taken from a signed address that dies.

https://developers.freshdesk.com/api/#account_export and #jobs. What a finished job says is not documented; here it has a `download_url`.
"""

import io
from typing import Final

from sandbox.data.facts import iso
from sandbox.freshdesk import change
from sandbox.freshdesk.export import RESOURCES, Form, write_export
from sandbox.freshdesk.site import Job, Site
from sandbox.freshdesk.wire import denied, invalid, missing
from sandbox.wire import Answer, Ask, ok

FIRST: Final = 67_900_000_001
_LOOKS: Final = 2
"""How often a job is looked at before it is done."""


def ask_for_export(site: Site, ask: Ask) -> Answer:
    """`POST /account/export`, for administrators: `{resources: [{name}], output_format}`."""
    if ask.scope != 1:
        raise denied()
    body = ask.json()
    wanted = body.get("resources")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(each, dict) for each in wanted):
        raise invalid("resources", "It should be a/an Array of Objects", "datatype_mismatch")
    names = [each.get("name") for each in wanted]
    if any(name not in RESOURCES for name in names):
        raise invalid("resources", f"It should be one of these values: '{','.join(RESOURCES)}'")
    form = body.get("output_format", "json")
    if form not in list(Form):
        raise invalid("output_format", "It should be one of these values: 'json,xml'")
    out = io.BytesIO()
    write_export(site, out, Form(form), [str(name) for name in names])
    job = Job(FIRST + len(site.jobs), change.now(site), out.getvalue())
    site.jobs[job.id] = job
    href = f"{site.links.api_base}/api/v2/jobs/{job.id}"
    answer = ok({"job": {"id": str(job.id), "link": {"href": href, "method": "GET"}}})
    answer.status = 202
    return answer


def view_job(site: Site, ask: Ask) -> Answer:
    """`GET /jobs/{id}`."""
    job = site.jobs.get(ask.ids[0])
    if job is None:
        raise missing()
    job.looks += 1
    done = job.looks > _LOOKS
    told = {
        "id": str(job.id),
        "name": "ACCOUNT::EXPORT",
        "status": "COMPLETED" if done else "IN PROGRESS",
        "progress": 100 if done else 100 * job.looks // (_LOOKS + 1),
        "created_at": iso(job.created_at),
    }
    return ok(told | ({"download_url": site.links.export(job.id)} if done else {}))
