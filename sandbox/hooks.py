"""Webhooks of a sandbox: whoever registered is told of every change, as the vendor would tell."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from sandbox.data.model import Json

AT_ONCE = 16
SECONDS = 12.0
#: What a vendor waits for an answer at most.


@dataclass(frozen=True, slots=True)
class Hook:
    """Somebody who wants to be told."""

    url: str
    secret: str = ""
    header: str = ""


Render = Callable[[Hook, int, str, int], tuple[dict[str, str], bytes]]
"""Headers and body that tell `hook` of `event` at a ticket, as call number so-and-so."""


class Hooks:
    """Calls who registered, once for each change, beside the requests that are served."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._hooks: list[Hook] = []
        self._numbers = itertools.count(1)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self.transport: httpx.AsyncBaseTransport | None = None
        """How calls go out, where not over the network."""
        self.statuses: Counter[str] = Counter()
        """Answers so far; `none` where none came, `lost` where a call was never made."""
        self.lose: Callable[[], bool] = lambda: False
        """Whether the next call gets lost on its way."""

    def add(self, hook: Hook) -> None:
        """Tell `hook` from now on."""
        self._hooks.append(hook)

    def remove(self, hook: Hook) -> None:
        """Tell it no more."""
        self._hooks = [each for each in self._hooks if each != hook]

    def clear(self) -> None:
        """Tell nobody any more."""
        self._hooks.clear()
        self.statuses.clear()

    def report(self) -> Json:
        """Who is told, and what they answered."""
        return {"urls": [hook.url for hook in self._hooks], "statuses": dict(self.statuses), "under_way": len(self._tasks)}

    def tell(self, ticket_id: int, event: str) -> None:
        """Something happened to a ticket."""
        for hook in self._hooks:
            if self.lose():
                self.statuses["lost"] += 1
                continue
            headers, body = self._render(hook, ticket_id, event, next(self._numbers))
            task = asyncio.get_running_loop().create_task(self._call(hook.url, headers, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def quiet(self) -> None:
        """Wait until every call has been answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Stop calling."""
        self._hooks.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, url: str, headers: dict[str, str], body: bytes) -> None:
        async with self._gate, httpx.AsyncClient(transport=self.transport, timeout=SECONDS) as client:
            try:
                answer = await client.post(url, content=body, headers={"content-type": "application/json", **headers})
            except httpx.HTTPError:
                self.statuses["none"] += 1
            else:
                self.statuses[str(answer.status_code)] += 1
