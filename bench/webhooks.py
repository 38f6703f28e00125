"""How many webhooks a second the endpoint takes and how long each waits, beside a bare ASGI endpoint in the same run.

A server and a client process that sends over kept connections; each delivery tells of one of a few hundred tickets, proves itself
and is noted durably before it is answered. Once while nothing is read (the connection is paused), once while the tickets are read
from a sandbox and indexed. Run it with `python -m bench.webhooks [deliveries]`.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench.ports import free_ports
from bench.serve import OPERATOR_KEY, desklore, server
from bench.sync import sandbox

DELIVERIES = 3_000
AT_ONCE = 16
TICKETS = 200
TARGET_PER_S = 500
TARGET_P99_MS = 50.0
BARE = """
import uvicorn
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    while scope["type"] == "http" and (await receive()).get("more_body"):
        pass
    await send({{"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]}})
    await send({{"type": "http.response.body", "body": b""}})
uvicorn.run(app, port={port}, log_level="error")
"""


def main(count: int = DELIVERIES) -> None:
    """Measure, print a table, and one line of JSON."""
    bare = _bare(count)
    with (
        tempfile.TemporaryDirectory(prefix="desklore-bench-") as folder,
        sandbox(TICKETS, 0) as helpdesk,
        desklore(Path(folder), DESKLORE_RATE_WEBHOOK="") as (base, _, _),
    ):
        client, connection, url, headers = _connected(base, helpdesk)
        client.patch(f"/connections/{connection}", json={"state": "paused"}).raise_for_status()
        noted = asyncio.run(_send(url, headers, count))
        client.patch(f"/connections/{connection}", json={"state": "active"}).raise_for_status()
        reading = asyncio.run(_send(url, headers, count))
        client.close()
    print(f"{'':24}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}   {count:,} deliveries, {AT_ONCE} at once")
    for name, row in (("bare ASGI endpoint", bare), ("noted", noted), ("noted while reading", reading)):
        print(f"{name:24}{row[0]:12,.0f}{row[1]:9.1f}{row[2]:9.1f}")
    print(f"wanted at least {TARGET_PER_S}/s and p99 at most {TARGET_P99_MS:g} ms")
    figures = {"per_s": noted[0], "p50_ms": noted[1], "p99_ms": noted[2], "reading_per_s": reading[0], "reading_p99_ms": reading[2]}
    figures |= {"floor_per_s": bare[0], "floor_p99_ms": bare[2]}
    met = noted[0] >= TARGET_PER_S and noted[2] <= TARGET_P99_MS
    print(json.dumps({"what": "webhooks"} | {name: round(value, 2) for name, value in figures.items()} | {"target_met": met}))


def _bare(count: int) -> tuple[float, float, float]:
    (port,) = free_ports(1)
    with server([sys.executable, "-c", BARE.format(port=port)], port, dict(os.environ)):
        return asyncio.run(_send(f"http://127.0.0.1:{port}/webhook", {}, count))


def _connected(base: str, helpdesk: str) -> tuple[httpx.Client, str, str, dict[str, str]]:
    """A tenant with a webhook: its client, the connection, the webhook's address and the header that proves it."""
    operator = {"X-API-Key": OPERATOR_KEY}
    httpx.post(f"{base}/api/v1/tenants", json={"company_id": "bench", "name": "Bench"}, headers=operator).raise_for_status()
    made = httpx.post(f"{base}/api/v1/tenants/bench/keys", json={"name": "admin"}, headers=operator).json()
    client = httpx.Client(base_url=f"{base}/api/v1", headers={"X-API-Key": made["api_key"]}, timeout=30)
    wanted = {"platform": "freshdesk", "domain": "hanbit.freshdesk.com", "base_url": helpdesk}
    answer = client.post("/connections", json=wanted | {"credentials": {"api_key": "sandbox-key"}})
    connection = answer.raise_for_status().json()["connection_id"]
    webhook = client.post(f"/connections/{connection}/webhook").json()
    return client, connection, webhook["url"], {webhook["guide"]["header"]: webhook["secret"]}


async def _send(url: str, headers: dict[str, str], count: int) -> tuple[float, float, float]:
    """Requests a second, and milliseconds at the median and at the 99th percentile."""
    times: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_one(url, headers, range(n, count, AT_ONCE), times) for n in range(AT_ONCE)))
    seconds = time.perf_counter() - began
    times.sort()
    return count / seconds, times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000


async def _one(url: str, headers: dict[str, str], numbers: range, times: list[float]) -> None:
    """Deliveries one after the other over one connection, by hand: a client library would cost more than the server."""
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    for number in numbers:
        body = json.dumps({"ticket_id": str(number % TICKETS + 1)}).encode()
        head = f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\n{told}Content-Length: {len(body)}\r\n\r\n"
        began = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        times.append(time.perf_counter() - began)
        if b" 202 " not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError(answer.decode("latin-1"))
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DELIVERIES)
