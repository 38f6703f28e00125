"""Two API processes on one Redis: an answer begun in one is read on and canceled in the other, and its death is told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.core.ports.streams import Streams
from tests.api.events import events_of
from tests.e2e.trip import Tenant
from tests.e2e.workers import WorkerProcess, api
from tests.support.openai_server import KEY, OpenAIServer

TEXT = "확인해 드리겠습니다. 재설정 링크를 다시 보내 드렸으니 메일함을 살펴봐 주세요. ERR-4012가 계속되면 알려 주세요."
ASKED = {"text": "링크를 다시 보냈습니다. ERR-4012가 계속되면 알려 주세요.", "action": "rephrase"}


class Pair:
    """A process that writes, this one that reads, and a model that pauses in the middle."""

    def __init__(self, model: OpenAIServer, process: WorkerProcess, url: str, streams: Streams, tenants: list[Tenant]) -> None:
        self.model, self.process, self.url, self.streams = model, process, url, streams
        self.tenant, self.other = tenants

    async def begin(self) -> tuple[str, int]:
        """Ask the other process, read until there is text, and hang up: the stream and the last event's number."""
        text = ""
        headers = {"Authorization": f"Bearer {self.tenant.api_key}"}
        async with (
            httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as client,
            client.stream("POST", "/api/v1/rewrite/stream", json=ASKED) as response,
        ):
            async for piece in response.aiter_text():
                text += piece
                events = events_of(text.rpartition("\n\n")[0])
                if any(name == "token" for _, name, _ in events):
                    return str(events[0][2]["stream_id"]), int(events[-1][0])
        raise AssertionError(text)

    async def rest(self, stream_id: str, after: int = 0) -> list[tuple[str, str, Any]]:
        """What this process reads of it, to its end."""
        return events_of((await self.tenant.client.get(f"/api/v1/streams/{stream_id}", headers={"Last-Event-ID": str(after)})).text)

    async def known(self, stream_id: str, last: int) -> None:
        """Wait until other processes know of this event."""
        async with asyncio.timeout(60):
            while (state := await self.streams.look(self.tenant.company_id, stream_id)) is None or state.last < last:
                await asyncio.sleep(0.01)

    async def calls(self, tenant: Tenant) -> list[int]:
        """What was booked."""
        return [row["usage"]["calls"] for row in (await tenant.get("/usage"))["items"] if row["purpose"] == "rewrite"]


@pytest.fixture
async def pair(tmp_path: Path, redis_url: str) -> AsyncIterator[Pair]:
    with OpenAIServer(answer=TEXT, pause_after=4) as model:
        settings = {"generate_model": "openai:writer", "openai_api_key": KEY, "openai_base_url": model.base_url}
        async with api(tmp_path, redis_url, **settings) as trip:
            tenants = [await trip.onboard(name) for name in ("acme", "bravo")]
            process = WorkerProcess(tmp_path, redis_url, "serve", "--port", "0", **settings)
            try:
                yield Pair(model, process, (await process.ready())["url"], trip.runtime.services.streams, tenants)
            finally:
                model.go_on.set()
                if process.process.poll() is None:
                    process.end()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_an_answer_goes_on_in_another_process_and_is_canceled_from_there(pair: Pair) -> None:
    stream_id, last = await pair.begin()
    for refused in (
        await pair.other.client.get(f"/api/v1/streams/{stream_id}"),
        await pair.other.client.post(f"/api/v1/streams/{stream_id}/cancel"),
    ):
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "stream_not_found")
    following = asyncio.ensure_future(pair.rest(stream_id, last))
    pair.model.go_on.set()
    rest = await following
    assert [int(number) for number, _, _ in rest] == list(range(last + 1, last + 1 + len(rest)))
    whole = await pair.rest(stream_id)
    assert whole[last:] == rest
    assert "".join(data["text"] for _, name, data in whole if name == "token") == TEXT == whole[-1][2]["text"]

    pair.model.go_on.clear()
    canceled, _ = await pair.begin()
    assert await pair.tenant.post(f"/streams/{canceled}/cancel", {}) == {"stream_id": canceled, "ended": False}
    assert await asyncio.to_thread(pair.model.hung_up.wait, 30), "the model's call is ended"
    last_event = (await pair.rest(canceled))[-1]
    assert (last_event[1], last_event[2]["error"]["code"]) == ("error", "answer_canceled")
    assert (await pair.calls(pair.tenant), await pair.calls(pair.other)) == ([2], [])

    killed, last = await pair.begin()
    await pair.known(killed, last)
    following = asyncio.ensure_future(pair.rest(killed))
    pair.process.end()
    told = await following
    assert {name for _, name, _ in told[1:-1]} == {"token"}
    assert (told[-1][1], told[-1][2]["error"]["code"]) == ("error", "stream_interrupted")
    assert "ask again" in told[-1][2]["error"]["message"]
