"""Calls to one helpdesk with one credential: retries, the verdict table, the shared quota, JSON."""

import asyncio
import random
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from msgspec import Struct
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from backend.adapters.http.guard import Guard, UnknownHostError
from backend.adapters.http.origin import Origin, split_url
from backend.adapters.http.pool import Pool
from backend.adapters.http.quota import Quota, QuotaHeaders, rate_limited
from backend.adapters.http.slots import Slots
from backend.adapters.http.verdict import Verdict, retry_after, verdict_of
from backend.adapters.http.wire import Head, InterruptedAnswerError, OversizeAnswerError
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret

_MAX_BODY: Final = 64_000_000
"""Bytes of one JSON answer, also after unpacking: a page of 100 long tickets stays far below."""
_KEPT_BODY: Final = 1_000_000
"""Bytes of an unreadable answer kept with its failure."""
_UNTOLD_WAIT: Final = 10.0
"""Seconds to wait after a 429 that does not say how long."""
_BACKOFF: Final = wait_random_exponential(multiplier=0.5, max=30)
"""Full jitter: a random time up to a bound that doubles."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long and how often a call is tried."""

    seconds: float = 30.0
    """For one attempt, from connecting to the last byte."""
    attempts: int = 5
    longest_wait: float = 60.0
    """A longer wait for the quota is left to the run: it pauses itself (SOURCE_RATE_LIMITED)."""


class Answer(Struct, frozen=True, kw_only=True):
    """What the vendor answered; `value` is its JSON where the verdict was OK."""

    status: int
    head: Head
    body: bytes
    value: Any = None

    @property
    def is_html(self) -> bool:
        """Whether it is a web page: some proxy, a maintenance or a log-in page, but not the API."""
        return (self.head.get(b"content-type") or "").startswith("text/html") or self.body[:64].lstrip().startswith(b"<")


class Vendor(Struct, frozen=True, kw_only=True):
    """What one vendor's API does its own way, as data."""

    name: str
    verdicts: Mapping[int, Verdict]
    """Where it differs from the default table."""
    explain: Callable[[Answer], AppError]
    """The error for an answer whose verdict is SKIP or REFUSE."""
    quota: QuotaHeaders


class _TransientError(Exception):
    """A failure that another attempt may cure; `error` is what it becomes when none does."""

    def __init__(self, error: AppError, *, gated: bool = False) -> None:
        super().__init__(error.code)
        self.error = error
        self.gated = gated
        """The quota's gate makes the next attempt wait: no back-off of its own."""


class HttpClient:
    """One helpdesk, one credential. The authorization goes to `guard.own` and nowhere else."""

    def __init__(self, vendor: Vendor, guard: Guard, *, authorization: Secret, concurrency: int, patience: Patience, quota: Quota) -> None:
        self.calls = 0
        self.quota = quota
        self.pool = Pool(guard)
        self._vendor = vendor
        self._own = guard.own
        self._patience = patience
        self._slots = Slots(concurrency)
        self._headers = request_headers(guard.own, authorization, packed=True)

    async def get(self, target: str, *, patience: Patience | None = None, urgent: bool = False) -> Answer:
        """GET a path with its query (ASCII, escaped) and read its JSON.

        Raises AppError: what `vendor.explain` makes of a refusal; SOURCE_RATE_LIMITED, SOURCE_UNAVAILABLE or
        SOURCE_MALFORMED when the last attempt failed.
        """
        patience = patience or self._patience
        request = b"GET %b HTTP/1.1\r\n%b\r\n" % (target.encode("ascii"), self._headers)
        try:
            return await self._attempt(request, patience, urgent=urgent)
        except _TransientError as error:
            first = error
        # Nearly every call succeeds at once and is spared the machinery below.
        retrying = AsyncRetrying(
            stop=stop_after_attempt(patience.attempts), wait=_wait, retry=retry_if_exception_type(_TransientError), reraise=True
        )
        try:
            async for attempt in retrying:
                with attempt:
                    if attempt.retry_state.attempt_number == 1:
                        raise first
                    return await self._attempt(request, patience, urgent=True)
        except _TransientError as error:
            raise error.error from None
        raise first.error

    async def close(self) -> None:
        """Let go of sockets."""
        await self.pool.close()

    async def _attempt(self, request: bytes, patience: Patience, *, urgent: bool) -> Answer:
        while True:
            await self.quota.pass_gate(patience.longest_wait)
            async with self._slots.lane(urgent=urgent):
                # While this call waited for its slot, another one may have been told to wait.
                if self.quota.closed_for > 0:
                    continue
                answer = await self._timed(request, patience.seconds)
            self.quota.learn(answer.head, self._vendor.quota)
            return self._judge(answer, patience)

    async def _timed(self, request: bytes, seconds: float) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request)
        except UnknownHostError:
            raise _TransientError(
                AppError(
                    Code.SOURCE_UNAVAILABLE,
                    f"There is no host {self._own.host} in the name system; check the domain and the network.",
                    details={"reason": "unknown_host"},
                )
            ) from None
        except TimeoutError:
            raise _TransientError(self._unavailable(f"did not answer within {seconds:g} s")) from None
        except OversizeAnswerError as error:
            raise AppError(Code.SOURCE_MALFORMED, f"{self._vendor.name} sent an answer of {error}; it was not read.") from None
        except InterruptedAnswerError as error:
            raise _TransientError(self._unavailable(f"broke off its answer ({error})")) from None
        except OSError as error:
            raise _TransientError(self._unavailable(f"can't be reached ({type(error).__name__})")) from None

    async def _exchange(self, request: bytes) -> Answer:
        for fresh in (False, True):
            wire, used = await self.pool.take(self._own, fresh=fresh)
            self.calls += 1
            try:
                head, body = await wire.fetch(request, _MAX_BODY)
            except InterruptedAnswerError as error:
                wire.abort()
                if used and error.untouched:
                    # The server closed the idle connection in the moment we took it: it has not seen the request.
                    self.calls -= 1
                    continue
                raise
            except BaseException:
                wire.abort()
                raise
            self.pool.give_back(self._own, wire)
            return Answer(status=head.status, head=head, body=_unpacked(head, body))
        raise InterruptedAnswerError("the connection broke twice")

    def _judge(self, answer: Answer, patience: Patience) -> Answer:
        match verdict_of(answer.status, self._vendor.verdicts):
            case Verdict.OK:
                return self._parsed(answer)
            case Verdict.WAIT:
                told = retry_after(answer.head.get(b"retry-after"))
                seconds = _UNTOLD_WAIT * random.uniform(0.5, 1) if told is None else told
                self.quota.pause(seconds)
                if seconds > patience.longest_wait:
                    raise rate_limited(seconds)
                raise _TransientError(rate_limited(seconds), gated=True)
            case Verdict.AGAIN:
                told = retry_after(answer.head.get(b"retry-after"))
                error = self._unavailable(f"answers with an error (HTTP {answer.status})", told)
                if told is None:
                    raise _TransientError(error)
                self.quota.pause(min(told, patience.longest_wait))
                raise _TransientError(error, gated=True)
            case Verdict.MOVED:
                raise AppError(Code.SOURCE_HOST_UNKNOWN, self._moved(answer))
            case _:
                raise self._vendor.explain(answer)

    def _parsed(self, answer: Answer) -> Answer:
        if answer.is_html:
            message = (
                f"{self._own.host} answers with a web page instead of API data: it is not {self._vendor.name}'s API, or under maintenance."
            )
            raise _TransientError(AppError(Code.SOURCE_MALFORMED, message, details={"reason": "html"}, raw=answer.body[:_KEPT_BODY]))
        try:
            value = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            message = f"{self._vendor.name} sent JSON that can't be read ({error.msg})."
            raise _TransientError(
                AppError(Code.SOURCE_MALFORMED, message, details={"reason": "json"}, raw=answer.body[:_KEPT_BODY])
            ) from None
        return Answer(status=answer.status, head=answer.head, body=answer.body, value=value)

    def _moved(self, answer: Answer) -> str:
        try:
            there = split_url(answer.head.get(b"location") or "")[0].authority
        except ValueError:
            there = "another address"
        return (
            f"{self._own.host} sends API calls on to {there}. If that is your helpdesk, connect that address; the key was not sent there."
        )

    def _unavailable(self, what: str, seconds: float | None = None) -> AppError:
        message = f"{self._vendor.name} at {self._own.host} {what}. Nothing is lost: it is tried again later."
        return AppError(Code.SOURCE_UNAVAILABLE, message, retry_after=seconds)


def request_headers(origin: Origin, authorization: Secret | None, *, packed: bool = False) -> bytes:
    """The header lines of a request to `origin`. With `packed` the answer may come compressed."""
    lines = [f"Host: {origin.authority}", "User-Agent: Desklore/1", "Accept: */*"]
    lines.append(f"Accept-Encoding: {'gzip' if packed else 'identity'}")
    if authorization is not None:
        lines.append(f"Authorization: {authorization.reveal()}")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def _wait(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    return 0.0 if isinstance(failure, _TransientError) and failure.gated else _BACKOFF(state)


def _unpacked(head: Head, body: bytes) -> bytes:
    if head.headers.get(b"content-encoding", b"").lower() != b"gzip":
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(body, _MAX_BODY)
    except zlib.error as error:
        raise InterruptedAnswerError("its compression is damaged") from error
    if unpacker.unconsumed_tail:
        raise OversizeAnswerError(f"more than {_MAX_BODY} bytes")
    if not unpacker.eof:
        raise InterruptedAnswerError("its compression ends too early")
    return data
