"""Briefs as they are kept: one for each ticket and right, with a mark of all that it hangs on, and the rights they were asked for with."""

import hashlib
import zlib
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from backend.core import clock
from backend.core.model.copilot import OpenedBrief
from backend.core.model.sight import Sight
from backend.core.ports.cache import Cache
from backend.core.ports.counted import count_lookups
from backend.core.ports.meter import Meter

KEEP_SECONDS: Final = 24 * 3600.0
"""A kept brief is found anew after so long at the latest: votes fade with time, half of their weight in 90 days."""
RENEW_SECONDS: Final = KEEP_SECONDS / 2
"""One that is older is made ahead again, so that it does not end between two looks."""
SETTLE_SECONDS: Final = 2.0
"""What changed while briefs were made ahead changes again soon, as in the middle of a sync."""
WINDOW_SECONDS: Final = 600.0
"""Over so long it is counted how many briefs were made ahead."""
USUAL: Final = Sight(internal=True, groups=None, top_k=5)
"""What a sidebar asks for an agent whom nothing restricts."""
_MOST_OTHERS: Final = 3
_REMEMBER_SECONDS: Final = 24 * 3600.0
_NOTE_SECONDS: Final = 600.0
_FORM: Final = "brief-3"
"""Of what is kept; another one whenever it, or a brief, is made of other parts: an older release may have left its own in Redis."""
_ASKED: Final = f"{_FORM}/asked"
_MADE: Final = f"{_FORM}/made"
UNSETTLED: Final = f"{_FORM}/unsettled"
"""Under this name lies that something changed a moment ago."""


class _Kept(Struct, frozen=True):
    mark: str
    at: float
    """Seconds since 1970."""
    ahead: bool
    """Made before anybody asked, and not asked for yet."""
    opened: bytes
    """An OpenedBrief, packed: a third of its size, for there may be many."""


class _Made(Struct, frozen=True):
    count: int
    since: float


class _Asked(Struct, frozen=True):
    sight: Sight
    at: float


_kept = msgspec.msgpack.Decoder(_Kept)
_opened = msgspec.json.Decoder(OpenedBrief)
_asked = msgspec.json.Decoder(tuple[_Asked, ...])
_made = msgspec.json.Decoder(_Made)


@dataclass(frozen=True, slots=True)
class KeptBriefs:
    """One tenant's. A later brief takes the place of the one before: there are never more than tickets that were opened."""

    cache: Cache
    meter: Meter

    async def get(self, document_id: str, sight: Sight, mark: str) -> OpenedBrief | None:
        """The brief with exactly this mark, and the look-up counted."""
        name = _name(document_id, sight)
        found = await self._find(name, mark)
        count_lookups(self.meter, "brief", 1, 0 if found is None else 1)
        if found is None:
            return None
        self.meter.count("briefs", kept="ahead" if found.ahead else "true")
        left = found.at + KEEP_SECONDS - clock.now().timestamp()
        if found.ahead and left > 0:
            await self.cache.put(name, msgspec.msgpack.encode(msgspec.structs.replace(found, ahead=False)), left)
        return _opened.decode(zlib.decompress(found.opened))

    async def has(self, document_id: str, sight: Sight, mark: str) -> bool:
        """Whether it is there and will be for a good while."""
        found = await self._find(_name(document_id, sight), mark)
        return found is not None and clock.now().timestamp() - found.at < RENEW_SECONDS

    async def put(self, document_id: str, sight: Sight, mark: str, opened: OpenedBrief, *, ahead: bool = False) -> None:
        """Keep it in the place of the one before."""
        made = _Kept(mark=mark, at=clock.now().timestamp(), ahead=ahead, opened=zlib.compress(msgspec.json.encode(opened), 1))
        await self.cache.put(_name(document_id, sight), msgspec.msgpack.encode(made), KEEP_SECONDS)

    async def remember(self, sight: Sight) -> None:
        """Note that somebody with such rights opens tickets; two at once may forget one of them, who asks again."""
        if sight == USUAL or not await self.cache.first(f"{_ASKED}/{sight.id}", _NOTE_SECONDS):
            return
        now = clock.now().timestamp()
        others = [each for each in await self._remembered() if each.sight != sight][: _MOST_OTHERS - 1]
        await self.cache.put(_ASKED, msgspec.json.encode([_Asked(sight, now), *others]), _REMEMBER_SECONDS)

    async def sights(self) -> list[Sight]:
        """The usual one, and those that tickets were opened with within the last day, latest first."""
        since = clock.now().timestamp() - _REMEMBER_SECONDS
        return [USUAL, *(each.sight for each in await self._remembered() if each.at > since)]

    async def note_unsettled(self) -> None:
        """Note that something changed while briefs were made."""
        await self.cache.put(UNSETTLED, b"1", SETTLE_SECONDS)

    async def is_unsettled(self) -> bool:
        """Whether that was a moment ago: what would be made now would be old at once."""
        return await self.cache.get(UNSETTLED) is not None

    async def made(self) -> int:
        """How many were made ahead since the window of `WINDOW_SECONDS` began, which the first of them does."""
        return (await self._window()).count

    async def count_made(self) -> None:
        """Add one to those that were made ahead; of two at once one may be forgotten."""
        window = await self._window()
        left = window.since + WINDOW_SECONDS - clock.now().timestamp()
        if left > 0:
            await self.cache.put(_MADE, msgspec.json.encode(_Made(window.count + 1, window.since)), left)

    async def _window(self) -> _Made:
        data = await self.cache.get(_MADE)
        return _Made(0, clock.now().timestamp()) if data is None else _made.decode(data)

    async def _remembered(self) -> tuple[_Asked, ...]:
        data = await self.cache.get(_ASKED)
        return () if data is None else _asked.decode(data)

    async def _find(self, name: str, mark: str) -> _Kept | None:
        data = await self.cache.get(name)
        found = None if data is None else _kept.decode(data)
        return found if found is not None and found.mark == mark else None


def mark_of(*told: bytes) -> str:
    """Another one whenever one of these is another."""
    mark = hashlib.sha256()
    for part in told:
        mark.update(len(part).to_bytes(8, "big") + part)
    return mark.hexdigest()


def _name(document_id: str, sight: Sight) -> str:
    return f"{_FORM}/{document_id}/{sight.id}"
