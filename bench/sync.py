"""A full sync to searchable with offline models, beside a bare client that makes the same requests and only parses the JSON.

Each side runs in a process of its own against a sandbox in a third one, floor and Desklore in turn, three pairs a setting.
The shares are compared pair by pair and the median is told. Run it with `python -m bench.sync`.
"""

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

from bench.ports import free_ports
from bench.sides import API_KEY, CONNECTIONS

PAIRS = 3
SETTINGS = ({"latency_ms": 50, "tickets": 1200, "target": 0.80}, {"latency_ms": 0, "tickets": 3000, "target": 0.25})


def main() -> None:
    """Measure each setting and print a table and a line of figures."""
    for setting in SETTINGS:
        with sandbox(int(setting["tickets"]), setting["latency_ms"]) as url:
            pairs = [(_in_process("floor", url), _in_process("desklore", url)) for _ in range(PAIRS)]
            by_stage = _in_process("stages", url)["cpu_ms_per_ticket"]
        shares = sorted(ours["tickets_per_s"] / floor["tickets_per_s"] for floor, ours in pairs)
        floor, ours = min(pairs, key=lambda pair: abs(pair[1]["tickets_per_s"] / pair[0]["tickets_per_s"] - shares[len(shares) // 2]))
        share = statistics.median(shares)
        print(f"vendor latency {setting['latency_ms']} ms, {CONNECTIONS} connections, {setting['tickets']} tickets")
        print(f"  floor     {floor['tickets_per_s']:8.1f} tickets/s   {floor['requests']} requests")
        print(f"  desklore  {ours['tickets_per_s']:8.1f} tickets/s   {ours['requests']} requests, {ours['documents']} documents searchable")
        print(f"  share     {share:8.0%}   of {', '.join(f'{each:.0%}' for each in shares)}; wanted {setting['target']:.0%}")
        stages = "  ".join(f"{stage} {ms:.2f}" for stage, ms in by_stage.items())
        print(f"  CPU ms per ticket: {stages}")
        figures = {"what": f"sync_{setting['latency_ms']}ms", "share_of_floor": share, "wanted": setting["target"], "shares": shares}
        print(json.dumps(figures | {"floor": floor, "desklore": ours, "cpu_ms_per_ticket": by_stage}))


@contextlib.contextmanager
def sandbox(tickets: int, latency_ms: float, *, prebuild: bool = True) -> Iterator[str]:
    """A helpdesk with so many tickets in a process of its own: its address. With `prebuild` it is rendered before the first answer."""
    port, files = free_ports(2)
    options = ["--port", str(port), "--attachments-port", str(files), "--tickets", str(tickets), "--quota", "100000000"]
    command = [sys.executable, "-m", "sandbox", *options, "--latency-ms", str(latency_ms), *(["--prebuild"] if prebuild else [])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        # Rendering 50,000 tickets takes minutes.
        deadline = time.monotonic() + 600
        while True:
            if time.monotonic() > deadline:
                raise TimeoutError("the sandbox does not answer")
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/api/v2/agents/me", auth=(API_KEY, "X")).is_success:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _in_process(side: str, url: str) -> dict[str, Any]:
    # Not `-m`: worker processes import the main module, and a server's is light.
    command = [sys.executable, "-c", f"from bench.sides import run; run({side!r}, {url!r})"]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    figures: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
