"""A storm of changes at a helpdesk while it is synced and its webhooks come in, some of them lost: is the copy the truth in the end?

Also a longer trial: `python -m tests.e2e.storm 1000 7` makes so many changes, with this seed, at a Freshdesk and at a Zendesk (or
at those that are named behind).
The truth is what a company that never saw the storm has after its first sync: documents with their texts, and every chunk.
"""

import asyncio
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import structlog

from backend.core.model.document import DocState, DocType
from sandbox.freshdesk import change as freshdesk_change
from sandbox.hooks import Hook
from sandbox.serve import SandboxOptions, SandboxServer, ZendeskServer, running_sandbox, running_zendesk
from sandbox.zendesk import change as zendesk_change
from sandbox.zendesk.hooks import new_hook
from tests.e2e.trip import Tenant, Trip, running_trip

PLATFORMS = ("freshdesk", "zendesk")
LOST = 0.3
"""Of the webhooks' calls; the next sync has to find what they would have told."""
MINUTE = 61
PAUSE = 0.05
"""Seconds between two changes of the longer trial, so that several syncs run meanwhile."""
_WEIGHTS = {"create": 20, "update": 25, "reply": 20, "note": 5, "delete": 9, "spam": 5, "restore": 11, "merge": 5}

Copy = tuple[dict[str, Any], list[tuple[str, int, str, str]]]


class Storm:
    """Many people at work on a helpdesk of either platform."""

    def __init__(self, server: SandboxServer | ZendeskServer, seed: int) -> None:
        self.site: Any = server.site
        self.dice = random.Random(seed)
        self.zendesk = isinstance(server, ZendeskServer)
        self.change: Any = zendesk_change if self.zendesk else freshdesk_change
        self.pause = 0.005
        """Seconds between two changes."""
        self.made: Counter[str] = Counter()
        self.kinds: dict[str, Callable[[], Any]] = {
            "create": self._create,
            "update": lambda: self.change.update(self.site, self._ticket("live"), {"subject": f"VPN 접속 오류 {self.dice.random()}"}),
            "reply": lambda: self._say(public=True),
            "note": lambda: self._say(public=False),
            "delete": lambda: self._move(self._ticket("live"), "deleted"),
            "spam": lambda: self._move(self._ticket("live"), "spam"),
            "restore": lambda: self._move(self._ticket("deleted", "spam"), "live"),
            "merge": self._merge,
        }

    async def rage(self, changes: int) -> None:
        """Make so many changes while others do what they do."""
        for number in range(changes):
            (kind,) = self.dice.choices(list(self.kinds), [_WEIGHTS[kind] for kind in self.kinds])
            self.kinds[kind]()
            self.made[kind] += 1
            if self.zendesk and number % 25 == 0:
                # Its exports lie a minute behind: without this no sync would see anything.
                self.site.pass_time(MINUTE)
            await asyncio.sleep(self.pause)

    def _create(self) -> None:
        fields = {"subject": f"프린터 오류 {self.dice.random()}", "description": f"<p>인쇄가 안 됩니다. code {self.dice.random()}</p>"}
        self.change.create(self.site, fields)

    def _say(self, *, public: bool) -> None:
        body = f"<p>다시 확인했습니다. checked {self.dice.random()}</p>"
        if self.zendesk:
            zendesk_change.add_comment(self.site, self._ticket("live"), {"body": body, "public": public})
        else:
            freshdesk_change.add_turn(self.site, self._ticket("live"), {"body": body, "private": not public, "incoming": public})

    def _move(self, number: int, state: str) -> None:
        if self.zendesk:
            moves = {"deleted": zendesk_change.delete, "spam": zendesk_change.suspend, "live": zendesk_change.restore}
            moves[state](self.site, number)
        else:
            freshdesk_change.set_state(self.site, number, state)

    def _merge(self) -> None:
        target, other = self._ticket("live"), self._ticket("live")
        if target != other:
            self.change.merge(self.site, target, [other])

    def _ticket(self, *states: str) -> int:
        tickets = [each for each in self.site.account.tickets.values() if self._is_ticket(each.id) and each.merged_into is None]
        chosen = [each.id for each in tickets if each.state in states] or [each.id for each in tickets if each.state == "live"]
        number: int = self.dice.choice(chosen)
        return number

    def _is_ticket(self, number: int) -> bool:
        return not self.zendesk or self.site.world.exists(number)


async def weather(trip: Trip, server: SandboxServer | ZendeskServer, *, changes: int, seed: int, pause: float = 0.005) -> dict[str, Any]:
    """Let a storm pass over a helpdesk, and compare what a company that went through it has with what another one reads then."""
    storm = Storm(server, seed)
    storm.pause = pause
    stormy = await _connected(trip, f"stormy-{seed}", server)
    await stormy.sync()
    await _listen(trip, stormy, server, seed)
    began, runs = time.monotonic(), 0
    raging = asyncio.create_task(storm.rage(changes))
    try:
        while not raging.done():
            ended = await stormy.sync()
            assert ended["state"] == "completed", ended
            runs += 1
    finally:
        await raging
    await storm.site.hooks.quiet()
    if storm.zendesk:
        storm.site.pass_time(MINUTE)
    assert (await stormy.sync())["state"] == "completed"
    await _settled(trip, stormy)
    seconds = time.monotonic() - began
    calm = await _connected(trip, f"calm-{seed}", server)
    await calm.sync()
    await _settled(trip, calm)
    have, want = await copy_of(trip, stormy), await copy_of(trip, calm)
    return {
        "changes": dict(storm.made),
        "syncs": runs + 1,
        "webhooks": dict(storm.site.hooks.statuses),
        "seconds": round(seconds, 1),
        "documents": len(want[0]),
        "chunks": len(want[1]),
        "wrong": differences(have, want),
        "false": untrue(storm, have),
    }


async def copy_of(trip: Trip, tenant: Tenant) -> Copy:
    """What a company has, by the helpdesk's ids: every document with its texts, and every chunk of the index."""
    services = trip.runtime.services
    async with services.database.open(tenant.company_id) as uow:
        documents, _ = await uow.documents.list(limit=100_000)
    index = await services.indexes.open(tenant.company_id)
    found, chunks = {}, []
    for each in documents:
        key = f"{each.doc_type.value} {each.original_id}"
        found[key] = (each.title, each.state, each.presence, each.content_hash, each.parts, each.summary, each.internal_summary)
        # Which customers' words make an article findable depends on whom it helped first.
        kept = [chunk for chunk in await index.chunks(each.document_id) if chunk.kind != "question"]
        chunks += [(key, chunk.ordinal, chunk.kind, chunk.text) for chunk in kept]
    counted = await index.count()
    assert counted[1] == sum(each.state is DocState.INDEXED for each in documents), "the index has what is indexed, and nothing more"
    return found, sorted(chunks)


def differences(have: Copy, want: Copy) -> list[str]:
    """What one copy has otherwise than the other."""
    wrong = [f"missing {key}" for key in sorted(want[0].keys() - have[0].keys())]
    wrong += [f"left over {key}" for key in sorted(have[0].keys() - want[0].keys())]
    for key in sorted(want[0].keys() & have[0].keys()):
        fields = ("title", "state", "presence", "hash", "parts", "summary", "internal summary")
        other = [name for name, mine, theirs in zip(fields, have[0][key], want[0][key], strict=True) if mine != theirs]
        wrong += [f"{key}: {', '.join(other)}"] if other else []
        if "parts" in other:
            mine, theirs = have[0][key][4], want[0][key][4]
            wrong += [f"{key} has {part}" for part in mine if part not in theirs] + [
                f"{key} lacks {part}" for part in theirs if part not in mine
            ]
    if have[1] != want[1]:
        ours, theirs = set(have[1]), set(want[1])
        wrong += [
            f"chunk {word} {each[:3]}" for word, some in (("left over", ours - theirs), ("missing", theirs - ours)) for each in sorted(some)
        ]
    return wrong


def untrue(storm: Storm, have: Copy) -> list[str]:
    """What the copy says otherwise than the sandbox itself, whoever reads it: which tickets there are, and what they are called."""
    kept = {int(key.split()[1]): found[0] for key, found in have[0].items() if key.startswith(DocType.TICKET.value)}
    wrong = []
    for ticket in storm.site.account.tickets.values():
        title = kept.pop(ticket.id, None)
        there = ticket.state == "live" and storm._is_ticket(ticket.id)
        if there and (title is None or (ticket.subject and title != ticket.subject)):
            wrong.append(f"ticket {ticket.id} is {title!r} and not {ticket.subject!r}")
        if title is not None and ticket.state in ("deleted", "spam"):
            wrong.append(f"ticket {ticket.id} is {ticket.state} and still there")
    return wrong + [f"ticket {number} does not exist" for number in kept]


@asynccontextmanager
async def helpdesk(platform: str, options: SandboxOptions) -> AsyncIterator[SandboxServer | ZendeskServer]:
    """A sandbox of either platform."""
    async with running_zendesk(options) if platform == "zendesk" else running_sandbox(options) as server:
        yield server


async def _connected(trip: Trip, company_id: str, server: SandboxServer | ZendeskServer) -> Tenant:
    tenant = await trip.onboard(company_id)
    if isinstance(server, ZendeskServer):
        await tenant.connect_zendesk(server)
    else:
        await tenant.connect(server)
    return tenant


async def _listen(trip: Trip, tenant: Tenant, server: SandboxServer | ZendeskServer, seed: int) -> None:
    """Let the sandbox call the company's webhook, inside this process, and lose some of the calls on their way."""
    path = f"/connections/{tenant.connection_id}/webhook"
    made = await tenant.post(path, {})
    hook = Hook(url=made["url"], secret=made["secret"] or "", header=made["guide"]["header"])
    if isinstance(server, ZendeskServer):
        hook = new_hook(made["url"])
        await tenant.post(path, {"signing_secret": hook.secret})
    hooks = server.site.hooks
    hooks.transport = httpx.ASGITransport(trip.runtime.app)
    dice = random.Random(seed)
    hooks.lose = lambda: dice.random() < LOST
    hooks.add(hook)


async def _settled(trip: Trip, tenant: Tenant) -> None:
    """Wait until nothing that webhooks told of is left to read, and nothing to index."""
    async with asyncio.timeout(300):
        while True:
            await trip.settle(tenant.company_id)
            async with trip.runtime.services.database.open(tenant.company_id) as uow:
                left = await uow.nudges.due(tenant.connection_id, None, 1)
                states = await uow.documents.counts()
            if not left and not states[DocState.PENDING] and not states[DocState.PROCESSING]:
                return
            await asyncio.sleep(0.05)


async def main(changes: int, seed: int, platforms: Sequence[str]) -> list[dict[str, Any]]:
    """Let one storm pass over each platform."""
    results = []
    for platform in platforms:
        with tempfile.TemporaryDirectory() as folder:
            async with helpdesk(platform, SandboxOptions(tickets=40, seed=seed)) as server, running_trip(Path(folder) / "data") as trip:
                results.append({"platform": platform, **await weather(trip, server, changes=changes, seed=seed, pause=PAUSE)})
    return results


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    wanted, chosen = int((sys.argv[1:2] or ["1000"])[0]), int((sys.argv[2:3] or ["7"])[0])
    for result in asyncio.run(main(wanted, chosen, sys.argv[3:] or PLATFORMS)):
        print(json.dumps(result, ensure_ascii=False))  # noqa: T201 - it is what one starts it for
