"""The Zendesk sandbox's queue of suspended tickets, as the documentation has it."""

import httpx
import pytest

from sandbox.serve import ZendeskServer
from sandbox.zendesk import suspended
from sandbox.zendesk.queue import CAUSES

QUEUE = "/suspended_tickets"


async def test_what_waits_is_listed_in_pages_with_its_cause(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    waiting = list(zendesk.site.queue.mails)
    found, query = [], {"page[size]": "2"}
    while True:
        body = (await api.get(f"{QUEUE}.json", params=query)).json()
        found += body["suspended_tickets"]
        if not body["meta"]["has_more"]:
            break
        query["page[after]"] = body["meta"]["after_cursor"]
    assert sorted(row["id"] for row in found) == waiting
    assert all(CAUSES[row["cause"]] == row["cause_id"] for row in found)
    assert {row["cause"] for row in found} >= {"Detected as spam", "Automated response mail"}
    assert any(row["ticket_id"] for row in found)
    assert not {row["id"] for row in found} & set(zendesk.account.tickets)
    by_cause = (await api.get(QUEUE, params={"sort_by": "cause", "sort_order": "desc"})).json()["suspended_tickets"]
    assert [row["cause"] for row in by_cause] == sorted((row["cause"] for row in found), reverse=True)
    one = (await api.get(f"{QUEUE}/{waiting[0]}.json")).json()["suspended_ticket"]
    assert one["id"] == waiting[0]


async def test_a_mail_that_is_recovered_is_a_ticket(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    author = next(iter(zendesk.account.people.contacts))
    alone, many = (
        suspended.suspend(zendesk.site, {"subject": subject, "content": "<p>네</p>", "author_id": author}).id for subject in ("one", "two")
    )
    made = (await api.put(f"{QUEUE}/{alone}/recover.json")).json()["ticket"][0]
    assert (made["subject"], made["requester_id"]) == ("one", zendesk.site.admin_id), "whoever recovers one is its requester"
    (kept,) = (await api.put(f"{QUEUE}/recover_many.json", params={"ids": f"{many},{alone}"})).json()["tickets"]
    assert (kept["subject"], kept["requester_id"]) == ("two", author)
    assert (await api.get(f"/tickets/{kept['id']}.json")).status_code == 200
    assert not {alone, many} & set(zendesk.site.queue.mails)
    assert (await api.put(f"{QUEUE}/{alone}/recover.json")).status_code == 404


async def test_a_mail_that_answers_a_ticket_becomes_its_comment(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    mail = next(each for each in zendesk.site.queue.mails.values() if each.ticket_id is not None)
    before = len(zendesk.site.world.comments(mail.ticket_id or 0))
    assert (await api.put(f"{QUEUE}/{mail.id}/recover.json")).json()["ticket"][0]["id"] == mail.ticket_id
    comments = zendesk.site.world.comments(mail.ticket_id or 0)
    assert (len(comments), comments[-1].body) == (before + 1, mail.content)


async def test_what_is_destroyed_is_gone(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    first, second, third, *rest = zendesk.site.queue.mails
    assert (await api.delete(f"{QUEUE}/{first}.json")).status_code == 204
    assert (await api.delete(f"{QUEUE}/destroy_many.json", params={"ids": f"{second},{third}"})).status_code == 204
    assert list(zendesk.site.queue.mails) == rest
    assert (await api.delete(f"{QUEUE}/{first}.json")).status_code == 404
    assert (await api.post(f"{QUEUE}.json", json={})).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_who_is_restricted_has_no_say(zendesk: ZendeskServer, anonymous: httpx.AsyncClient, method: str) -> None:
    mail = next(iter(zendesk.site.queue.mails))
    path = {"GET": QUEUE, "PUT": f"{QUEUE}/{mail}/recover", "DELETE": f"{QUEUE}/{mail}"}[method]
    for email in (zendesk.restricted_email, next(iter(zendesk.account.people.contacts.values())).email):
        auth = httpx.BasicAuth(f"{email}/token", zendesk.api_key)
        assert (await anonymous.request(method, f"/api/v2{path}", auth=auth)).status_code == 403
    assert mail in zendesk.site.queue.mails


async def test_the_remote_control_suspends_and_recovers(control: httpx.AsyncClient, zendesk: ZendeskServer) -> None:
    number = (await control.post("/suspended_tickets", json={"subject": "문의", "cause": "Automated response mail"})).json()["id"]
    assert zendesk.site.queue.mails[number].cause == "Automated response mail"
    assert (await control.post(f"/suspended_tickets/{number}/recover")).json()["subject"] == "문의"
    assert (await control.post("/suspended_tickets", json={"cause": "no such"})).status_code == 422
    await control.post("/reset")
    assert number not in zendesk.site.queue.mails
