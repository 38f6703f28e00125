"""The floor of a sync: a bare asyncio client that makes the same requests and only parses the JSON."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

EMBEDDED_CONVERSATIONS = 10


@dataclass
class FloorResult:
    """What the floor client did."""

    tickets: int
    requests: int
    seconds: float


class BareClient:
    """aiohttp, which Desklore calls helpdesks with too, and nothing around it."""

    def __init__(self, base_url: str, api_key: str, connections: int) -> None:
        self._base_url = base_url
        self._authorization = {"Authorization": aiohttp.BasicAuth(api_key, "X").encode()}
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections))
        self.requests = 0

    async def get(self, target: str) -> bytes:
        """The body of a path of the API, or of an absolute URL without the credential."""
        own = target.startswith("/")
        self.requests += 1
        async with self._session.get(self._base_url + target if own else target, headers=self._authorization if own else None) as answer:
            return await answer.read()

    async def json(self, path: str) -> Any:
        """The parsed body."""
        return orjson.loads(await self.get(path))

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


async def read_everything(base_url: str, api_key: str, connections: int) -> FloorResult:
    """Every ticket with all its conversations and attachments, and every article, parsed and thrown away."""
    client = BareClient(base_url, api_key, connections)
    began = time.perf_counter()
    jobs: list[asyncio.Task[None]] = []
    page = 1
    while True:
        query = "updated_since=1970-01-01T00:00:00Z&order_by=updated_at&order_type=asc&per_page=100&include=requester,stats"
        listed = await client.json(f"/api/v2/tickets?{query}&page={page}")
        jobs += [asyncio.create_task(_ticket(client, ticket["id"])) for ticket in listed]
        if len(listed) < 100:
            break
        page += 1
    await _knowledge(client)
    await asyncio.gather(*jobs)
    seconds = time.perf_counter() - began
    await client.close()
    return FloorResult(tickets=len(jobs), requests=client.requests, seconds=seconds)


async def _ticket(client: BareClient, ticket_id: int) -> None:
    for item in await read_ticket(client, ticket_id):
        for attachment in item["attachments"]:
            await client.get(attachment["attachment_url"])


async def read_ticket(client: BareClient, ticket_id: int) -> list[dict[str, Any]]:
    """A ticket and all its conversations."""
    ticket = await client.json(f"/api/v2/tickets/{ticket_id}?include=conversations")
    conversations = ticket["conversations"]
    page = 1
    if len(conversations) == EMBEDDED_CONVERSATIONS:
        conversations = []
        while batch := await client.json(f"/api/v2/tickets/{ticket_id}/conversations?per_page=100&page={page}"):
            conversations += batch
            page += 1
            if len(batch) < 100:
                break
    return [ticket, *conversations]


async def _knowledge(client: BareClient) -> None:
    for category in await client.json("/api/v2/solutions/categories"):
        folders = list(await client.json(f"/api/v2/solutions/categories/{category['id']}/folders"))
        while folders:
            folder = folders.pop()
            await client.json(f"/api/v2/solutions/folders/{folder['id']}/articles?per_page=100&page=1")
            if folder.get("sub_folders_count"):
                folders += await client.json(f"/api/v2/solutions/folders/{folder['id']}/subfolders")
