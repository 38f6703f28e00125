"""Birchdesk's API over a World: tokens, paging, quota headers, and files on another host at signed addresses."""

import base64
import hashlib
import re
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Final

from desklore_conformance.standin import Answer, Ask, StandIn, failure, ok

from desklore_birchdesk.standin.world import Record, World

TOKEN: Final = "birchdesk-token"
"""Opens the stand-in; it may read everything."""
_QUOTA: Final = 1000
_ITEM: Final = re.compile(r"/v1/(tickets|articles|files)/([^/]+)")


def serving(world: World) -> AbstractAsyncContextManager[StandIn]:
    """A stand-in over a world, as long as the block lasts."""
    api = _Api(world)
    standin = StandIn(api.answer, _Files(world).answer)
    api.standin = standin
    return standin.running()


class _Api:
    """`https://acme.birchdesk.example`."""

    standin: StandIn

    def __init__(self, world: World) -> None:
        self._world = world
        self._left = _QUOTA

    def answer(self, ask: Ask) -> Answer:
        """Who may ask is looked at first; every answer tells what is left of the quota."""
        self._left = self._left - 1 or _QUOTA
        answer = self._answer(ask)
        answer.headers |= {"X-RateLimit-Limit": str(_QUOTA), "X-RateLimit-Remaining": str(self._left), "X-RateLimit-Reset": "60"}
        return answer

    def _answer(self, ask: Ask) -> Answer:
        if ask.headers.get(b"authorization") != f"Bearer {TOKEN}".encode():
            return failure(401, "Unknown token")
        world = self._world
        match ask.path:
            case "/v1/me":
                return ok({"name": "한지우", "email": "jiwoo@birchdesk.example"})
            case "/v1/tickets":
                return _page(ask, world.live().values())
            case "/v1/articles":
                return _page(ask, world.articles.values())
            case "/v1/deleted":
                return _page(ask, ({**world.tickets[key], "state": state} for key, state in world.gone.items()))
        found = _ITEM.fullmatch(ask.path)
        kind, key = found.groups() if found else ("", "")
        if kind == "files" and key in world.files:
            return Answer(302, headers={"Location": f"{self.standin.files_url}/{key}?signature={_signature(key)}"})
        item = {"tickets": world.live(), "articles": world.articles}.get(kind, {}).get(key)
        return failure(404, "No such item") if item is None else ok(item)


class _Files:
    """The file host. It knows no token, and refuses to be sent one."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, ask: Ask) -> Answer:
        """The bytes, for a signed address."""
        key = ask.path.removeprefix("/")
        if b"authorization" in ask.headers or ask.query.get("signature") != _signature(key):
            return failure(403, "Signature does not match")
        return Answer(200, self._world.files[key], "text/plain")


def _page(ask: Ask, records: Iterable[Record]) -> Answer:
    """Entries in the order of their changes, from a moment on or behind a cursor."""
    ordered = sorted((record["changed_at"], record["id"], record.get("state", "")) for record in records)
    limit = int(ask.query.get("limit", "100"))
    if not 1 <= limit <= 100:
        return failure(400, "limit is 1 to 100")
    if "cursor" in ask.query:
        after = tuple(base64.urlsafe_b64decode(ask.query["cursor"]).decode().split("|"))
        ordered = [row for row in ordered if row[:2] > after]
    else:
        ordered = [row for row in ordered if row[0] >= ask.query.get("changed_since", "")]
    items = [{"id": key, "changed_at": at, "state": state} for at, key, state in ordered[:limit]]
    more = len(ordered) > limit
    cursor = base64.urlsafe_b64encode("|".join(ordered[limit - 1][:2]).encode()).decode() if more else None
    return ok({"items": items, "next": cursor})


def _signature(key: str) -> str:
    return hashlib.sha256(f"birchdesk {key}".encode()).hexdigest()[:16]
