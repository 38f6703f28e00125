"""The bytes of a file, through redirects, without the credential leaving home."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from backend.adapters.http.client import request_headers
from backend.adapters.http.failures import UnknownHostError
from backend.adapters.http.origin import Origin, split_url
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret

if TYPE_CHECKING:
    from backend.adapters.http.transport import Incoming, Transport

_MAX_HOPS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REFUSED: Final = frozenset({400, 401, 403, 404, 410})
"""How object stores answer a signed URL that is dead."""
_GONE: Final = frozenset({404, 410})


class DeadUrlError(Exception):
    """The URL is not valid (any more); a fresh one may be. `gone`: the server says that there is no such file."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.gone = status in _GONE


def no_file(vendor: str, name: str, dead: DeadUrlError | None) -> AppError:
    """The error for a file that a fresh URL does not give either: gone, or refused and asked for again by the next run.

    A store that is down or whose clock is wrong refuses with the same 403 as one that has lost the file.
    """
    if dead is None or dead.gone:
        return AppError(Code.SOURCE_ITEM_NOT_FOUND, f"{vendor} has no file any more for the attachment {name!r}.")
    return AppError(
        Code.SOURCE_UNAVAILABLE,
        f"{vendor}'s file store refuses the attachment {name!r} at a fresh address too (HTTP {dead.status}); the next run asks again.",
    )


class Downloads:
    """Streams files. Has slots of its own: a long file must not hold up calls for data."""

    def __init__(self, transport: "Transport", own: Origin, *, authorization: Secret, concurrency: int, seconds: float) -> None:
        self._transport = transport
        self._own = own
        self._authorized = request_headers(authorization)
        self._plain = request_headers(None)
        self._slots = asyncio.Semaphore(concurrency)
        self._seconds = seconds

    @asynccontextmanager
    async def open(self, url: str, *, picture: bool = False) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of `url` in pieces. Of a `picture` in a text nobody tells the size, so a page that comes instead is known by its type.

        Raises DeadUrlError for a refused URL, AppError(SOURCE_UNAVAILABLE) where the server fails, AppError(SOURCE_MALFORMED) for a
        page instead of a picture, and AppError(SOURCE_REQUEST_REFUSED) where it leads to a forbidden address.
        """
        async with self._slots:
            origin, incoming = await self._follow(url)
            try:
                if picture and incoming.headers.get("Content-Type", "").startswith("text/html"):
                    message = f"{origin.host} gives a web page instead of the picture, of a log-in or an outage; the next run asks again."
                    raise AppError(Code.SOURCE_MALFORMED, message)
                yield self._pieces(origin, incoming)
            finally:
                incoming.release()

    async def _follow(self, url: str) -> tuple[Origin, "Incoming"]:
        for _ in range(_MAX_HOPS):
            try:
                origin, target = split_url(url)
            except ValueError as error:
                raise AppError(Code.SOURCE_MALFORMED, f"The attachment's address can't be used: {error}.") from None
            incoming = await self._begin(origin, target)
            status = incoming.status
            if status == 200:
                return origin, incoming
            location = incoming.headers.get("Location")
            incoming.release()
            if status in _REDIRECTS and location:
                url = urljoin(url, location)
                continue
            if status in _REFUSED:
                raise DeadUrlError(status)
            raise AppError(Code.SOURCE_UNAVAILABLE, f"{origin.host} does not give the attachment (HTTP {status}); it is tried again later.")
        raise AppError(Code.SOURCE_REQUEST_REFUSED, "The attachment's address leads from redirect to redirect without an end.")

    async def _begin(self, origin: Origin, target: str) -> "Incoming":
        # To another host goes nothing but the request: no authorization, no cookie.
        headers = self._authorized if origin == self._own or self._transport.owns(origin) else self._plain
        try:
            async with asyncio.timeout(self._seconds):
                return await self._transport.get(origin, target, headers)
        except UnknownHostError:
            raise AppError(Code.SOURCE_UNAVAILABLE, f"There is no host {origin.host}, where the attachment should be.") from None
        except (OSError, TimeoutError) as error:
            raise _broken(origin, error) from None

    async def _pieces(self, origin: Origin, incoming: "Incoming") -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    data = await incoming.piece()
            except (OSError, TimeoutError) as error:
                raise _broken(origin, error) from None
            if not data:
                return
            yield data


def _broken(origin: Origin, error: Exception) -> AppError:
    return AppError(
        Code.SOURCE_UNAVAILABLE, f"{origin.host} broke off while giving the attachment ({type(error).__name__}); it is tried again later."
    )
