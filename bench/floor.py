"""The floor of a sync: a bare asyncio client that makes the same requests and only parses the JSON."""

import asyncio
import base64
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

EMBEDDED_CONVERSATIONS = 10


@dataclass
class FloorResult:
    """What the floor client did."""

    tickets: int
    requests: int
    seconds: float


class BareClient:
    """Keep-alive HTTP/1.1 over asyncio streams; as little as can be between the socket and the parser."""

    def __init__(self, base_url: str, api_key: str, connections: int) -> None:
        self._base = urlsplit(base_url)
        self._authorization = base64.b64encode(f"{api_key}:X".encode()).decode()
        self._idle: dict[tuple[str, int], list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}
        self._gate = asyncio.Semaphore(connections)
        self.requests = 0

    async def get(self, target: str) -> bytes:
        """The body of a path of the API, or of an absolute URL without the credential."""
        url = urlsplit(target)
        own = not url.netloc
        host, port = (self._base.hostname, self._base.port) if own else (url.hostname, url.port)
        assert host is not None and port is not None
        path = target if own else target[target.index(url.path) :]
        authorization = f"Authorization: Basic {self._authorization}\r\n" if own else ""
        async with self._gate:
            self.requests += 1
            idle = self._idle.setdefault((host, port), [])
            reader, writer = idle.pop() if idle else await asyncio.open_connection(host, port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{authorization}\r\n".encode())
            body = await _read_body(reader)
            idle.append((reader, writer))
        return body

    async def json(self, path: str) -> Any:
        """The parsed body."""
        return orjson.loads(await self.get(path))

    def close(self) -> None:
        """Close every connection."""
        for idle in self._idle.values():
            for _, writer in idle:
                writer.close()


async def _read_body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length:" in head:
        return await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


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
    client.close()
    return FloorResult(tickets=len(jobs), requests=client.requests, seconds=seconds)


async def _ticket(client: BareClient, ticket_id: int) -> None:
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
    for item in (ticket, *conversations):
        for attachment in item["attachments"]:
            await client.get(attachment["attachment_url"])


async def _knowledge(client: BareClient) -> None:
    for category in await client.json("/api/v2/solutions/categories"):
        folders = list(await client.json(f"/api/v2/solutions/categories/{category['id']}/folders"))
        while folders:
            folder = folders.pop()
            await client.json(f"/api/v2/solutions/folders/{folder['id']}/articles?per_page=100&page=1")
            if folder.get("sub_folders_count"):
                folders += await client.json(f"/api/v2/solutions/folders/{folder['id']}/subfolders")
