"""The Zendesk sandbox answers as the documentation and recordings say, oddities included."""

from typing import Any

import httpx
import pytest

from sandbox.serve import SandboxOptions, ZendeskServer, running_sandbox, running_zendesk
from sandbox.zendesk import change
from tests.sandbox.zendesk.conftest import PLAIN

CURSOR = "/incremental/tickets/cursor.json"


async def walked(api: httpx.AsyncClient, size: int) -> list[dict[str, Any]]:
    """The whole export by cursor."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"start_time": 0}
    while True:
        body = (await api.get(CURSOR, params={**query, "per_page": size})).json()
        found += body["tickets"]
        if body["end_of_stream"]:
            return found
        query = {"cursor": body["after_cursor"]}


async def test_who_may_call(zendesk: ZendeskServer, anonymous: httpx.AsyncClient) -> None:
    nobody = await anonymous.get("/api/v2/tickets/1.json")
    assert (nobody.status_code, nobody.json()) == (401, {"error": "Couldn't authenticate you"})
    assert "Basic" in nobody.headers["www-authenticate"]
    wrong = httpx.BasicAuth(f"{zendesk.email}/token", "wrong")
    assert (await anonymous.get("/api/v2/tickets/1.json", auth=wrong)).status_code == 401
    me = await anonymous.get("/api/v2/users/me.json", auth=wrong)
    assert (me.status_code, me.json()["user"]["id"], me.json()["user"]["role"]) == (200, None, "end-user")
    password = httpx.BasicAuth(zendesk.email, zendesk.api_key)
    assert (await anonymous.get("/api/v2/tickets/1.json", auth=password)).status_code == 401
    bearer = {"Authorization": f"Bearer {zendesk.options.oauth_token}"}
    assert (await anonymous.get("/api/v2/users/me.json", headers=bearer)).json()["user"]["role"] == "admin"
    bad = await anonymous.get("/api/v2/tickets/1.json", headers={"Authorization": "Bearer no"})
    assert (bad.status_code, bad.json()["error"]) == (401, "invalid_token")
    unknown = await anonymous.get("/api/v2/users/me.json", headers=bearer | {"Host": "nobody.zendesk.com"})
    assert (unknown.status_code, "No help desk at" in unknown.json()["error"]["title"]) == (404, True)


async def test_the_cursor_export_names_every_row_once_in_the_order_of_generation(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    rows = await walked(api, 7)
    assert len({row["id"] for row in rows}) == len(rows) == len(zendesk.site.world.rows())
    stamps = [row["generated_timestamp"] for row in rows]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) < len(stamps) - 10, "a bulk edit generated many at once"
    assert {row["status"] for row in rows} >= {"deleted", "closed", "solved", "open"}
    last = (await api.get(CURSOR, params={"start_time": 0, "per_page": 1000})).json()
    again = (await api.get(CURSOR, params={"cursor": last["after_cursor"]})).json()
    assert (again["tickets"], again["after_cursor"], again["end_of_stream"]) == ([], None, True)


async def test_the_exports_lie_a_minute_behind(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    change.add_comment(zendesk.site, 3, {"body": "x"})
    newest = {row["id"]: row["generated_timestamp"] for row in await walked(api, 1000)}
    assert 3 not in newest
    zendesk.site.pass_time(61)
    assert 3 in {row["id"] for row in await walked(api, 1000)}
    recent = await api.get(CURSOR, params={"start_time": zendesk.site.world.now()})
    assert (recent.status_code, "Too recent start_time" in recent.json()["description"]) == (422, True)


async def test_time_based_exports_end_in_themselves(api: httpx.AsyncClient) -> None:
    for path, name in (
        ("/incremental/tickets.json", "tickets"),
        ("/incremental/ticket_events.json?include=comment_events", "ticket_events"),
    ):
        first = (
            (await api.get(path, params={"start_time": 0})).json() if "?" not in path else (await api.get(f"{path}&start_time=0")).json()
        )
        assert first["count"] == len(first[name]) > 0
    last = (await api.get("/incremental/tickets.json", params={"start_time": 0})).json()
    again = (await api.get("/incremental/tickets.json", params={"start_time": last["end_time"]})).json()
    assert again["count"] >= 1, "the row at the boundary comes again"
    assert (again["end_of_stream"], again["end_time"]) == (True, last["end_time"])
    assert f"start_time={last['end_time']}" in again["next_page"]


async def test_the_events_have_the_comments_only_when_asked(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    bare = (await api.get("/incremental/ticket_events.json", params={"start_time": 0})).json()["ticket_events"]
    full = (await api.get("/incremental/ticket_events.json", params={"start_time": 0, "include": "comment_events"})).json()["ticket_events"]
    kinds = {child["event_type"] for event in full for child in event["child_events"]}
    assert kinds == {"Comment", "VoiceComment", "Change"}
    assert {child["event_type"] for event in bare for child in event["child_events"]} == {"Change"}
    said = [child for event in full for child in event["child_events"] if child["event_type"] != "Change"]
    assert all("created_at" not in child for child in said)
    known = {comment.id for _, number in zendesk.site.world.rows() for comment in zendesk.site.world.comments(number)}
    assert len(said) > 500
    assert {child["id"] for child in said} <= known


async def test_limits_of_account_and_endpoint(anonymous: httpx.AsyncClient) -> None:
    async with running_zendesk(SandboxOptions(tickets=12, export_quota=2)) as zendesk:
        auth = (f"{zendesk.email}/token", zendesk.api_key)
        async with httpx.AsyncClient(base_url=f"{zendesk.base_url}/api/v2", auth=auth) as api:
            told = [await api.get(CURSOR, params={"start_time": 0}) for _ in range(3)]
            assert [each.status_code for each in told] == [200, 200, 429]
            assert told[0].headers["zendesk-ratelimit-incremental-exports-cursor"].startswith("total=2; remaining=1; resets=")
            assert int(told[2].headers["retry-after"]) >= 1
            assert "Number of allowed API requests" in told[2].text
            other = await api.get("/users/me.json")
            assert int(other.headers["x-rate-limit-remaining"]) == int(other.headers["x-rate-limit"]) - 3


async def test_deleted_suspended_archived_and_scrubbed(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    gone, archived, scrubbed = [n for _, n in zendesk.site.world.rows() if zendesk.site.world.shown(n)][:3]
    change.delete(zendesk.site, gone)
    change.archive(zendesk.site, archived)
    change.scrub(zendesk.site, scrubbed)
    zendesk.site.pass_time(61)
    assert (await api.get(f"/tickets/{gone}.json")).json()["error"] == "RecordNotFound"
    assert (await api.get(f"/tickets/{archived}.json")).status_code == 200
    rows = {row["id"]: row for row in await walked(api, 1000)}
    assert (rows[gone]["status"], rows[scrubbed]["subject"], rows[scrubbed]["submitter_id"]) == ("deleted", "SCRUBBED", -1)
    assert archived in rows
    trash = {row["id"] for row in (await api.get("/deleted_tickets.json?page[size]=100")).json()["deleted_tickets"]}
    assert gone in trash
    assert scrubbed not in trash
    queue = (await api.get("/suspended_tickets.json")).json()["suspended_tickets"]
    assert queue
    assert not {row["id"] for row in queue} & set(rows)
    listed = (await api.get("/tickets.json?page[size]=100")).json()
    assert archived not in {row["id"] for row in listed["tickets"]}
    assert listed["meta"]["has_more"] in (True, False)


async def test_files_are_at_another_host_that_takes_no_credential(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    number, file = next(
        (key, files[0]) for key in zendesk.account.tickets if zendesk.site.world.shown(key) and (files := zendesk.account.attachments(key))
    )
    comments = (await api.get(f"/tickets/{number}/comments.json?include_inline_images=true&page[size]=100")).json()["comments"]
    address = next(f["content_url"] for comment in comments for f in comment["attachments"] if f["id"] == file.id)
    first = await api.get(address)
    assert (first.status_code, first.headers["location"].startswith(zendesk.attachments_url)) == (302, True)
    async with httpx.AsyncClient() as plain:
        assert (await plain.get(first.headers["location"])).content == zendesk.account.file(file)
        assert (await plain.get(first.headers["location"], headers={"Authorization": "Basic x"})).status_code == 400


async def test_the_help_center_and_its_oddities(zendesk: ZendeskServer, api: httpx.AsyncClient) -> None:
    body = (await api.get("/help_center/articles.json?page[size]=100&include=translations")).json()
    article = body["articles"][0]
    assert {each["locale"] for each in article["translations"]} <= {"ko", "en-us"}
    assert {each["user_segment_id"] is None for each in body["articles"]} == {True, False}
    assert (await api.get("/help_center/incremental/articles.json?start_time=0")).status_code == 502
    nothing = (await api.get(f"/help_center/incremental/articles.json?start_time={zendesk.site.world.now()}")).json()
    assert (nothing["count"], nothing["end_time"], nothing["next_page"]) == (0, None, None)
    changed = (await api.get("/help_center/incremental/articles.json?start_time=1")).json()
    assert changed["count"] == len(changed["articles"])


@pytest.mark.parametrize(("path", "ids"), [("users", "contacts"), ("organizations", "companies")])
async def test_show_many_takes_a_hundred(zendesk: ZendeskServer, api: httpx.AsyncClient, path: str, ids: str) -> None:
    known = list(getattr(zendesk.account.people, ids))[:3]
    found = (await api.get(f"/{path}/show_many.json", params={"ids": ",".join(map(str, [*known, 404]))})).json()
    assert [each["id"] for each in found[path]] == known
    many = await api.get(f"/{path}/show_many.json", params={"ids": ",".join(map(str, range(101)))})
    assert (many.status_code, many.json()["error"]) == (400, "TooManyValues")


async def test_the_remote_control_changes_the_account(
    control: httpx.AsyncClient, zendesk: ZendeskServer, anonymous: httpx.AsyncClient
) -> None:
    made = (await control.post("/tickets", json={"subject": "새 문의", "description": "<p>도와주세요</p>"})).json()
    number = made["id"]
    assert (made["subject"], made["status"]) == ("새 문의", "new")
    assert (await control.post(f"/tickets/{number}/comments", json={"body": "<p>네</p>", "public": False})).is_success
    for move, status in (("delete", "deleted"), ("restore", "new"), ("suspend", "deleted"), ("restore", "new"), ("scrub", "deleted")):
        assert (await control.post(f"/tickets/{number}/{move}")).json()["status"] == status, move
    assert (await control.put("/settings", json={"pass_seconds": 61, "help_center": False})).json()["help_center"] is False
    assert (await control.get("/truth")).json()["scrubbed"] == [number]
    assert (await control.post("/reset")).json() == {"tickets": 120}
    assert (await anonymous.get("/_sandbox/truth")).status_code == 404


async def test_it_is_the_same_company_as_on_freshdesk(zendesk: ZendeskServer) -> None:
    async with running_sandbox(SandboxOptions(tickets=120)) as freshdesk:
        assert freshdesk.account.fingerprint() == zendesk.account.fingerprint()


async def test_the_second_brand_has_a_host_of_its_own(zendesk: ZendeskServer, api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    brands = (await api.get("/brands.json")).json()["brands"]
    assert [(b["default"], b["has_help_center"], b["help_center_state"]) for b in brands] == [
        (True, True, "enabled"),
        (False, True, "restricted"),
        (False, False, "disabled"),
        (False, True, "enabled"),
    ]
    assert brands[3]["brand_url"] == zendesk.brand_url
    auth = (f"{zendesk.email}/token", zendesk.api_key)
    async with httpx.AsyncClient(base_url=f"{zendesk.brand_url}/api/v2", auth=auth, verify=PLAIN) as there:
        own = (await api.get("/help_center/articles.json?per_page=100")).json()["articles"]
        pay = (await there.get("/help_center/articles.json?per_page=100")).json()["articles"]
        assert {row["id"] for row in own} == set(zendesk.account.shelf.articles)
        assert {row["id"] for row in pay} == set(zendesk.account.branch_shelf.articles)
        assert not {row["id"] for row in own} & {row["id"] for row in pay}
        assert all(row["html_url"].startswith(zendesk.brand_url) for row in pay)
        assert (await api.get(f"/help_center/articles/{pay[0]['id']}.json")).status_code == 404
        # Tickets are the account's, whichever of its hosts is asked.
        assert (await there.get("/tickets/1.json")).json()["ticket"]["id"] == 1
        assert (await there.get("/users/me.json", auth=(zendesk.email, "wrong"))).status_code == 200
        await control.post("/faults", json={"match": "^//hanbitcloud-pay/", "kind": "500"})
        assert (await api.get("/help_center/sections.json")).status_code == 200
        assert (await there.get("/help_center/sections.json")).status_code == 500
        await control.put("/settings", json={"brand_help_center": False})
        assert (await there.get("/help_center/articles.json")).status_code == 404
        assert (await api.get("/help_center/articles.json")).status_code == 200
    alone = SandboxOptions(tickets=20, one_brand=True)
    async with running_zendesk(alone) as single:
        assert (single.brand_url, len(single.site.brands)) == (None, 1)
