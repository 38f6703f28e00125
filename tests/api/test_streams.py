"""Streamed answers that outlast their request: read on, canceled, and nobody else's business."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from msgspec import structs

from backend.api.app import create_app
from backend.core.errors import AppError, Code
from backend.core.model.answer import Completion, Delta, Prompt
from backend.core.model.auth import TenantCaller
from backend.core.model.budget import Usage
from backend.core.model.stream import Event
from backend.core.model.tenant import Role, Scope
from backend.core.usecases.streams import Answering
from tests.api.events import events_of
from tests.api.house import House

QUESTION = {"question": "환불은 영업일 기준 며칠 안에 처리됩니까?"}
ANSWER = ["환불은 ", "영업일 ", "3일 안에 ", "처리됩니다 [1]."]
STREAM = "/api/v1/query/stream"


class Pausing:
    """A ChatModel that says its answer piece by piece: the first one at once, the others when it is let go on."""

    provider = "somebody"
    model = "pausing"

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.left = asyncio.Event()
        self.asked = 0

    async def complete(self, prompt: Prompt) -> Completion:  # noqa: ARG002 - the shape is the port's
        return Completion(text="".join(ANSWER), usage=Usage(calls=1), provider=self.provider, model=self.model)

    async def stream(self, prompt: Prompt) -> AsyncIterator[Delta]:  # noqa: ARG002 - the shape is the port's
        self.asked += 1
        try:
            yield Delta(text=ANSWER[0])
            await self.go_on.wait()
            for piece in ANSWER[1:]:
                yield Delta(text=piece)
            yield Delta(text="", usage=Usage(calls=1, input_tokens=100, output_tokens=10))
        finally:
            self.left.set()


@pytest.fixture
def model() -> Pausing:
    return Pausing()


class Served:
    """A server on a real socket, whose readers can hang up."""

    def __init__(self, app: FastAPI, url: str, house: House) -> None:
        self.app, self.url, self.house = app, url, house

    def client(self, role: Role, company_id: str = "acme") -> httpx.AsyncClient:
        return self.with_key(self.house.api_keys[f"{company_id}/{role}"])

    def with_key(self, key: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)


@pytest.fixture
async def served(searchable: House, model: Pausing) -> AsyncIterator[Served]:
    models = replace(searchable.services.models, generate=model)
    services = replace(searchable.services, models=models, policy=replace(searchable.services.policy, answers_at_once=4))
    app = create_app(services, searchable.auth, render_metrics=searchable.meter.render, data_dir=searchable.data_dir)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve([listener]))
    yield Served(app, f"http://127.0.0.1:{listener.getsockname()[1]}", searchable)
    await app.state.answering.close(0)
    server.should_exit = True
    await serving
    listener.close()
    await app.state.inbox.close()
    await app.state.authenticator.close()


async def _begun(client: httpx.AsyncClient, until: str = "token") -> tuple[str, int]:
    """Ask, read until an event of this name has come, and hang up; the stream and the last event's number."""
    text = ""
    async with client.stream("POST", STREAM, json=QUESTION) as response:
        assert response.status_code == 200
        async for piece in response.aiter_text():
            text += piece
            events = events_of(text.rpartition("\n\n")[0])
            if any(name == until for _, name, _ in events):
                break
    return str(events[0][2]["stream_id"]), int(events[-1][0])


async def _token(client: httpx.AsyncClient, **wanted: Any) -> str:
    return str((await client.post("/api/v1/auth/token", json=wanted)).json()["access_token"])


async def _usage(served: Served, company_id: str = "acme") -> list[dict[str, int]]:
    async with served.client(Role.ADMIN, company_id) as admin:
        return [row["usage"] for row in (await admin.get("/api/v1/usage")).json()["items"] if row["purpose"] == "answer"]


async def test_who_hangs_up_reads_on_where_they_were(served: Served, model: Pausing) -> None:
    async with served.client(Role.AGENT) as agent:
        stream_id, last = await _begun(agent)
        following = asyncio.ensure_future(agent.get(f"/api/v1/streams/{stream_id}", headers={"Last-Event-ID": str(last)}))
        assert (await agent.get("/api/v1/me")).is_success
        assert not model.left.is_set()
        model.go_on.set()
        rest = events_of((await following).text)
        assert [int(number) for number, _, _ in rest] == list(range(last + 1, last + 1 + len(rest)))
        whole = events_of((await agent.get(f"/api/v1/streams/{stream_id}")).text)
        assert whole[last:] == rest
        assert (whole[0][1], whole[-1][1]) == ("stream", "done")
        assert "".join(data["text"] for _, name, data in whole if name == "token") == "".join(ANSWER) == whole[-1][2]["text"]
        nothing = await agent.get(f"/api/v1/streams/{stream_id}", headers={"Last-Event-ID": whole[-1][0]})
        assert (nothing.status_code, nothing.content) == (204, b"")
        for bad in ("x", "-1"):
            refused = await agent.get(f"/api/v1/streams/{stream_id}", headers={"Last-Event-ID": bad})
            assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request")
    assert model.asked == 1
    assert [(row["calls"], row["input_tokens"], row["output_tokens"]) for row in await _usage(served)] == [(1, 100, 10)]


async def test_an_answer_without_a_reader_is_finished_and_booked_once(served: Served, model: Pausing) -> None:
    async with served.client(Role.AGENT) as agent:
        stream_id, _ = await _begun(agent)
        model.go_on.set()
        await asyncio.wait_for(model.left.wait(), 20)
        whole = events_of((await agent.get(f"/api/v1/streams/{stream_id}")).text)
        answer_id = whole[-1][2]["answer_id"]
        assert (await agent.post("/api/v1/feedback", json={"answer_id": answer_id, "rating": "up"})).is_success
    assert [row["calls"] for row in await _usage(served)] == [1]
    assert await _usage(served, "bravo") == []
    told = served.house.meter.render()[0].decode()
    assert 'desklore_streams_written_total{outcome="done"} 1.0' in told
    assert "desklore_streams_writing 0.0" in told


async def test_a_cancel_ends_the_call_and_is_the_last_event(served: Served, model: Pausing) -> None:
    async with served.client(Role.AGENT) as agent:
        stream_id, _ = await _begun(agent)
        canceled = await agent.post(f"/api/v1/streams/{stream_id}/cancel")
        assert (canceled.status_code, canceled.json()) == (200, {"stream_id": stream_id, "ended": False})
        await asyncio.wait_for(model.left.wait(), 20)
        whole = events_of((await agent.get(f"/api/v1/streams/{stream_id}")).text)
        assert (whole[-1][1], whole[-1][2]["error"]["code"]) == ("error", "answer_canceled")
        again = await agent.post(f"/api/v1/streams/{stream_id}/cancel")
        assert again.json()["ended"] is True
    [usage] = await _usage(served)
    assert usage["calls"] == 1
    assert usage["output_tokens"] > 0, "what was said until then is booked"


async def test_nobody_else_reads_or_cancels_it(served: Served, model: Pausing) -> None:
    async with contextlib.AsyncExitStack() as stack:
        agent = await stack.enter_async_context(served.client(Role.AGENT))
        stream_id, _ = await _begun(agent)
        keys = [await _token(agent, subject=subject) for subject in ("kim", "lee")]
        keys += [served.house.api_keys[name] for name in ("acme/admin", "acme/member", "bravo/agent")]
        for key in keys:
            other = await stack.enter_async_context(served.with_key(key))
            for refused in (await other.get(f"/api/v1/streams/{stream_id}"), await other.post(f"/api/v1/streams/{stream_id}/cancel")):
                assert (refused.status_code, refused.json()["error"]["code"]) == (404, "stream_not_found")
        assert not model.left.is_set()
        missing = await agent.get("/api/v1/streams/stream_none")
        assert missing.json()["error"]["code"] == "stream_not_found"


async def test_a_token_of_the_same_person_needs_the_same_rights(served: Served, model: Pausing) -> None:
    model.go_on.set()
    async with served.client(Role.AGENT) as agent:
        tokens = [await _token(agent, subject="kim", **wanted) for wanted in ({}, {}, {"scopes": ["query"]})]
    async with served.with_key(tokens[0]) as first, served.with_key(tokens[1]) as renewed, served.with_key(tokens[2]) as weaker:
        stream_id, _ = await _begun(first)
        assert (await renewed.get(f"/api/v1/streams/{stream_id}")).status_code == 200
        assert (await weaker.get(f"/api/v1/streams/{stream_id}")).status_code == 404


@pytest.mark.parametrize(
    "other",
    [
        {"key_id": "key_2"},
        {"subject": "kim"},
        {"key_id": None, "helpdesk": "freshdesk", "subject": "key_1"},
        {"company_id": "bravo"},
        {"scopes": frozenset({Scope.QUERY})},
    ],
)
async def test_only_the_very_same_caller_is_the_owner(house: House, other: dict[str, Any]) -> None:
    async def events() -> AsyncGenerator[Event]:
        yield Event(name="done", data=b"{}")

    owner = TenantCaller(role=Role.AGENT, scopes=frozenset({Scope.QUERY, Scope.REPLY}), company_id="acme", key_id="key_1")
    answering = Answering(house.services)
    stream_id = await answering.start(owner, events(), lambda _: Event(name="error", data=b"{}"))
    await answering.close()
    stronger = structs.replace(owner, scopes=owner.scopes | {Scope.AUDIT_READ}, request_id="req_2")
    assert (await answering.cancel(stronger, stream_id)).ended
    assert await answering.resume(stronger, stream_id, 2) is None
    for refused in (answering.resume, lambda caller, name, _: answering.cancel(caller, name)):
        with pytest.raises(AppError) as caught:
            await refused(structs.replace(owner, **other), stream_id, 0)
        assert caught.value.code is Code.STREAM_NOT_FOUND


async def test_who_is_restricted_to_groups_reads_no_answer_from_beyond_them(served: Served, model: Pausing) -> None:
    model.go_on.set()
    async with served.client(Role.AGENT) as agent:
        asked: list[dict[str, Any]] = [{}, {"groups": ["결제팀"]}, {"groups": ["결제팀", "배송팀"]}]
        tokens = [await _token(agent, subject="kim", role="viewer", **wanted) for wanted in asked]
    async with served.with_key(tokens[0]) as wide, served.with_key(tokens[1]) as narrow, served.with_key(tokens[2]) as wider:
        of_all, _ = await _begun(wide)
        of_one, _ = await _begun(narrow)
        for client, stream_id, status in ((narrow, of_all, 404), (wider, of_all, 404), (wide, of_one, 200), (wider, of_one, 200)):
            assert (await client.get(f"/api/v1/streams/{stream_id}")).status_code == status
        assert (await narrow.post(f"/api/v1/streams/{of_all}/cancel")).status_code == 404


async def test_as_many_at_once_as_there_are_places(served: Served, model: Pausing) -> None:
    async with served.client(Role.AGENT) as agent, served.client(Role.AGENT, "bravo") as other:
        begun = [await _begun(agent) for _ in range(2)]
        refused = await agent.post(STREAM, json=QUESTION)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
        assert refused.headers["retry-after"]
        await _begun(other)
        model.go_on.set()
        for stream_id, _ in begun:
            assert events_of((await agent.get(f"/api/v1/streams/{stream_id}")).text)[-1][1] == "done"
        assert (await agent.post(STREAM, json=QUESTION)).status_code == 200


async def test_an_answer_that_takes_too_long_is_broken_off(served: Served, model: Pausing) -> None:
    policy = replace(served.house.services.policy, answer_seconds=0.05)
    app = create_app(replace(served.app.state.services, policy=policy), served.house.auth, render_metrics=served.house.meter.render)
    key = served.house.api_keys["acme/agent"]
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://d.test", headers={"X-API-Key": key}) as agent:
        events = events_of((await agent.post(STREAM, json=QUESTION)).text)
    assert (events[-1][1], events[-1][2]["error"]["code"]) == ("error", "answer_timed_out")
    assert model.left.is_set() or not model.asked
    await app.state.answering.close()
    await app.state.authenticator.close()


async def test_the_end_of_the_server_is_told(served: Served, model: Pausing) -> None:
    async with served.client(Role.AGENT) as agent:
        async with agent.stream("POST", STREAM, json=QUESTION) as response:
            lines = response.aiter_lines()
            while "token" not in await anext(lines):
                pass
            await served.app.state.answering.close(0)
            rest = [line async for line in lines]
        assert json.loads(rest[-2].removeprefix("data: "))["error"]["code"] == "shutting_down"
        assert model.left.is_set()
        refused = await agent.post(STREAM, json=QUESTION)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
