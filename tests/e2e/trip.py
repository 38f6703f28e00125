"""A running Desklore with tenants connected to sandboxes, driven over its HTTP API as a client would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from backend.core.model.document import DocState
from backend.runtime import Runtime, build
from backend.settings import Settings
from sandbox.serve import SandboxServer, ZendeskServer

Json = dict[str, Any]
ENDED = ("completed", "failed", "canceled")


@dataclass
class Tenant:
    """A company with an admin key and one connection."""

    company_id: str
    api_key: str
    client: httpx.AsyncClient
    connection_id: str = ""

    async def get(self, path: str, **params: Any) -> Json:
        """The body of a GET that has to succeed."""
        response = await self.client.get(f"/api/v1{path}", params=params)
        assert response.is_success, response.text
        body: Json = response.json()
        return body

    async def post(self, path: str, body: Json) -> Json:
        """The body of a POST that has to succeed."""
        response = await self.client.post(f"/api/v1{path}", json=body)
        assert response.is_success, response.text
        answer: Json = response.json()
        return answer

    async def connect(self, sandbox: SandboxServer, domain: str = "hanbit.freshdesk.com") -> None:
        """Connect a sandbox as this tenant's helpdesk."""
        wanted = {"platform": "freshdesk", "domain": domain, "base_url": sandbox.base_url, "credentials": {"api_key": sandbox.api_key}}
        self.connection_id = (await self.post("/connections", wanted))["connection_id"]
        await self.by_hand()

    async def connect_zendesk(self, sandbox: ZendeskServer, domain: str = "hanbit.zendesk.com", **credentials: str) -> str:
        """Connect a Zendesk sandbox as this tenant's helpdesk; returns the connection's id."""
        wanted = {"platform": "zendesk", "domain": domain, "base_url": sandbox.base_url}
        made = await self.post("/connections", wanted | {"credentials": credentials or sandbox.credentials})
        self.connection_id = made["connection_id"]
        await self.by_hand()
        return self.connection_id

    async def by_hand(self) -> None:
        """Take the connection's schedule away: whatever the clock says, it is synced by the test alone."""
        dropped = await self.client.delete(f"/api/v1/connections/{self.connection_id}/schedule")
        assert dropped.json()["next_run_at"] is None, dropped.text

    async def sync(self, until: tuple[str, ...] = ENDED, **options: Any) -> Json:
        """Sync and wait for one of these states; returns the run."""
        run = await self.post("/ingest", {"connection_id": self.connection_id, **options})
        return await self.wait(run["run_id"], until)

    async def wait(self, run_id: str, until: tuple[str, ...] = ENDED) -> Json:
        """The run once it is in one of these states."""
        async with asyncio.timeout(100):
            while (run := await self.get(f"/runs/{run_id}"))["state"] not in until:
                await asyncio.sleep(0.05)
        return run

    async def ask(self, question: str, **more: Any) -> Json:
        """The answer to a question and what was found."""
        return await self.post("/query", {"question": question, **more})


@dataclass
class Trip:
    """A running Desklore."""

    runtime: Runtime
    anonymous: httpx.AsyncClient

    async def onboard(self, company_id: str) -> Tenant:
        """A new tenant with an admin key."""
        operator = {"Authorization": f"Bearer {self.runtime.built.auth.operator_key.reveal()}"}
        made = await self.anonymous.post("/api/v1/tenants", json={"company_id": company_id, "name": company_id}, headers=operator)
        assert made.status_code == 201, made.text
        key = await self.anonymous.post(f"/api/v1/tenants/{company_id}/keys", json={"name": "admin"}, headers=operator)
        assert key.status_code == 201, key.text
        return self.tenant(company_id, key.json()["api_key"])

    async def settle(self, company_id: str) -> None:
        """Wait until nothing is left to do: words in pictures are recognized after a run has ended."""
        async with asyncio.timeout(100):
            while True:
                async with self.runtime.services.database.open(company_id) as uow:
                    waiting = await uow.attachments.waiting(1)
                    states = await uow.documents.counts()
                if not waiting and not states.get(DocState.PENDING) and not states.get(DocState.PROCESSING):
                    return
                await asyncio.sleep(0.05)

    def tenant(self, company_id: str, api_key: str) -> Tenant:
        """A client with this key."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.runtime.app),
            base_url="http://desklore.test",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=60,
        )
        return Tenant(company_id, api_key, client)


@asynccontextmanager
async def running_trip(data_dir: Path, **settings: Any) -> AsyncIterator[Trip]:
    """Desklore in this process over `data_dir`, with jobs running, but for `jobs=False`; the sandboxes' hosts are allowed."""
    jobs = settings.pop("jobs", True)
    made = Settings(_env_file=None, data_dir=data_dir, connector_host_allowlist="127.0.0.1", **settings)
    runtime = await build(made)
    async with runtime.app.router.lifespan_context(runtime.app):
        if jobs:
            await runtime.start()
            await runtime.healed()
        try:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(runtime.app), base_url="http://desklore.test") as anonymous:
                yield Trip(runtime, anonymous)
        finally:
            await runtime.close()
