"""Budgets over HTTP: the tenant's admin and the operator, each with limits of their own; nobody else's are touched."""

from datetime import timedelta

import msgspec

from backend.core import clock
from backend.core.errors import AppError, Code
from backend.core.ingest.pipeline.outcomes import still_waiting, until_paid
from backend.core.model.budget import Purpose, Usage, UsageRow
from backend.core.model.document import DocState
from backend.core.model.job import JobName
from backend.core.model.tenant import Role
from tests.api.conftest import As
from tests.api.house import House, ticket_id

BUDGET = "/api/v1/budget"


async def test_both_set_limits_and_the_tighter_holds(client_as: As) -> None:
    admin, operator = client_as(Role.ADMIN), client_as(Role.OPERATOR)
    assert (await admin.get(BUDGET)).json()["standing"]["limits"]["daily_usd"] is None
    await operator.put("/api/v1/tenants/acme/budget", json={"daily_usd": 2, "monthly_tokens": 1000})
    raised = (await admin.put(BUDGET, json={"daily_usd": 50, "monthly_usd": 9.5})).json()
    assert [each["owner"] for each in raised["budgets"]] == ["operator", "tenant"]
    assert raised["standing"]["limits"] == {"daily_usd": 2, "monthly_usd": 9.5, "daily_tokens": None, "monthly_tokens": 1000}
    alone = (await admin.delete(BUDGET)).json()
    assert [each["owner"] for each in alone["budgets"]] == ["operator"]
    assert (await operator.get("/api/v1/tenants/acme/budget")).json() == alone
    assert (await client_as(Role.ADMIN, "bravo").get(BUDGET)).json()["budgets"] == []
    assert (await operator.delete("/api/v1/tenants/acme/budget")).json()["budgets"] == []
    told = [(entry["action"], entry["actor"].split(":")[0]) for entry in (await admin.get("/api/v1/audit")).json()["items"]]
    assert told[:4] == [("budget.delete", "operator"), ("budget.delete", "key"), ("budget.set", "key"), ("budget.set", "operator")]


async def test_who_may(client_as: As) -> None:
    for role in (Role.AGENT, Role.MEMBER, Role.VIEWER):
        assert (await client_as(role).put(BUDGET, json={})).status_code == 403
        assert (await client_as(role).get(BUDGET)).status_code == 403
    assert (await client_as(Role.OPERATOR).put("/api/v1/tenants/nobody/budget", json={})).status_code == 404
    for wrong in ({"daily_usd": -1}, {"daily_tokens": 1.5}, {"weekly_usd": 1}):
        assert (await client_as(Role.ADMIN).put(BUDGET, json=wrong)).status_code == 422


async def test_what_is_spent_and_not_known(house: House, client_as: As) -> None:
    now = clock.now()
    usage = Usage(calls=2, input_tokens=70, output_tokens=30, unpriced_calls=2)
    async with house.services.database.open("acme") as uow:
        await uow.usage.add([UsageRow(day=now.date(), provider="openai", model="새모델", purpose=Purpose.ANSWER, usage=usage)])
    standing = (await client_as(Role.ADMIN).put(BUDGET, json={"daily_tokens": 100, "daily_usd": 1})).json()["standing"]
    assert (standing["day"]["cost_usd"], standing["day"]["unpriced_calls"], standing["unpriced"]) == (None, 2, ["openai/새모델"])
    assert standing["reached"] == ["daily_tokens"]
    tomorrow = now.date() + timedelta(days=1)
    assert standing["resumes_at"] == f"{tomorrow}T00:00:00Z"


async def test_a_change_lets_what_waits_go_on(house: House, client_as: As) -> None:
    later = clock.now() + timedelta(hours=3)
    waiting = {"state": DocState.PENDING, "next_try_at": later, "error_code": "llm_budget_used_up", "state_reason": "used up"}
    for company in ("acme", "bravo"):
        async with house.services.database.open(company) as uow:
            ticket = await uow.documents.get(ticket_id(company))
            assert ticket is not None
            await uow.documents.put([msgspec.structs.replace(ticket, **waiting)])
    assert await _to_process(house) == []
    assert (await client_as(Role.ADMIN).get(BUDGET)).json()["waiting_documents"] == 1
    assert (await client_as(Role.ADMIN).put(BUDGET, json={"daily_usd": 3})).json()["waiting_documents"] == 0
    assert await _to_process(house) == ["acme"]
    async with house.services.database.open("bravo") as uow:
        assert await uow.documents.claim(10, clock.now()) == []
        assert len(await uow.documents.claim(10, later)) == 1


async def test_what_was_refused_just_before_a_change_goes_on_too(house: House, client_as: As) -> None:
    used = Usage(calls=1, input_tokens=70, output_tokens=30)
    async with house.services.database.open("acme") as uow:
        await uow.usage.add([UsageRow(day=clock.now().date(), provider="openai", model="m", purpose=Purpose.SUMMARY, usage=used)])
        ticket = await uow.documents.get(ticket_id("acme"))
    assert ticket is not None
    down = msgspec.structs.replace(ticket, state=DocState.PROCESSING)
    refused = until_paid(down, AppError(Code.LLM_BUDGET_USED_UP, "used up", retry_after=3_600))
    for limit, waits in ((100, True), (101, False)):
        await client_as(Role.ADMIN).put(BUDGET, json={"daily_tokens": limit})
        async with house.services.database.open("acme") as uow:
            again, other = await still_waiting(uow, [refused, down])
        assert (again.next_try_at is not None, again.error_code is not None) == (waits, waits)
        assert {again.state, other.state} == {DocState.PENDING}
    async with house.services.database.open("bravo") as uow:
        (theirs,) = await still_waiting(uow, [refused])
    assert theirs.next_try_at is None, "another company's limits hold nothing up here"


async def _to_process(house: House) -> list[str]:
    async with house.services.database.directory() as directory:
        return [job.company_id for job in await directory.unfinished() if job.name is JobName.PROCESS_DOCUMENTS]
