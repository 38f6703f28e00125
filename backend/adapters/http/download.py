"""The bytes of a file, through redirects, without the credential leaving home."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urljoin

from backend.adapters.http.client import request_headers
from backend.adapters.http.guard import UnknownHostError
from backend.adapters.http.origin import Origin, split_url
from backend.adapters.http.pool import Pool
from backend.adapters.http.slots import Slots
from backend.adapters.http.wire import InterruptedAnswerError, Wire
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret

_MAX_HOPS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REFUSED: Final = frozenset({400, 401, 403, 404, 410})
"""How object stores answer a signed URL that is dead."""


class DeadUrlError(Exception):
    """The URL is not valid (any more); a fresh one may be."""


class Downloads:
    """Streams files. Has slots of its own: a long file must not hold up calls for data."""

    def __init__(self, pool: Pool, own: Origin, *, authorization: Secret, concurrency: int, seconds: float) -> None:
        self._pool = pool
        self._own = own
        self._authorized = request_headers(own, authorization)
        self._slots = Slots(concurrency)
        self._seconds = seconds
        self.own_calls = 0
        """Requests that went to the helpdesk itself and so count against its quota."""

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of `url` in pieces.

        Raises DeadUrlError for a refused URL, AppError(SOURCE_UNAVAILABLE) where the server fails, and
        AppError(SOURCE_REQUEST_REFUSED) where it leads to a forbidden address.
        """
        async with self._slots.lane(urgent=False):
            origin, wire = await self._follow(url)
            try:
                yield self._pieces(origin, wire)
            finally:
                self._pool.give_back(origin, wire)

    async def _follow(self, url: str) -> tuple[Origin, Wire]:
        for _ in range(_MAX_HOPS):
            try:
                origin, target = split_url(url)
            except ValueError as error:
                raise AppError(Code.SOURCE_MALFORMED, f"The attachment's address can't be used: {error}.") from None
            wire = await self._begin(origin, target)
            status = wire.head.status
            if status == 200:
                return origin, wire
            location = wire.head.get(b"location")
            wire.abort()
            if status in _REDIRECTS and location:
                url = urljoin(url, location)
                continue
            if status in _REFUSED:
                raise DeadUrlError(f"HTTP {status}")
            raise AppError(Code.SOURCE_UNAVAILABLE, f"{origin.host} does not give the attachment (HTTP {status}); it is tried again later.")
        raise AppError(Code.SOURCE_REQUEST_REFUSED, "The attachment's address leads from redirect to redirect without an end.")

    async def _begin(self, origin: Origin, target: str) -> Wire:
        own = origin == self._own
        # To another host goes nothing but the request: no authorization, no cookie.
        headers = self._authorized if own else request_headers(origin, None)
        request = b"GET %b HTTP/1.1\r\n%b\r\n" % (target.encode("ascii"), headers)
        try:
            async with asyncio.timeout(self._seconds):
                for fresh in (False, True):
                    wire, used = await self._pool.take(origin, fresh=fresh)
                    try:
                        await wire.begin(request)
                    except InterruptedAnswerError as error:
                        wire.abort()
                        if used and error.untouched:
                            continue
                        raise
                    except BaseException:
                        wire.abort()
                        raise
                    self.own_calls += own
                    return wire
        except UnknownHostError:
            raise AppError(Code.SOURCE_UNAVAILABLE, f"There is no host {origin.host}, where the attachment should be.") from None
        except (OSError, TimeoutError) as error:
            raise _broken(origin, error) from None
        raise _broken(origin, InterruptedAnswerError("twice"))

    async def _pieces(self, origin: Origin, wire: Wire) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    data = await wire.piece()
            except (OSError, TimeoutError) as error:
                wire.abort()
                raise _broken(origin, error) from None
            if not data:
                return
            yield data


def _broken(origin: Origin, error: Exception) -> AppError:
    return AppError(
        Code.SOURCE_UNAVAILABLE, f"{origin.host} broke off while giving the attachment ({type(error).__name__}); it is tried again later."
    )
