"""Calls to one helpdesk with one credential: retries, the verdict table, the account's budget, JSON."""

import asyncio
import random
from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Final

import orjson
from msgspec import Struct
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from backend.adapters.http.failures import InterruptedAnswerError, OversizeAnswerError, UnknownHostError
from backend.adapters.http.guard import Guard
from backend.adapters.http.origin import Origin, split_url
from backend.adapters.http.unreadable import broken_json, web_page
from backend.adapters.http.vendor import Answer, Vendor
from backend.adapters.http.verdict import Verdict, retry_after, verdict_of
from backend.core.errors import AppError, Code
from backend.core.model.quota import Call, Outcome, Settlement, rate_limited
from backend.core.model.tenant import Secret
from backend.core.ports.budget import Spender
from backend.core.ports.source import SourceQuota
from backend.observability import tracing

if TYPE_CHECKING:
    from backend.adapters.http.transport import Transport

_MAX_BODY: Final = 64_000_000
"""Bytes of one JSON answer, also after unpacking: a page of 100 long tickets stays far below."""
_UNTOLD_WAIT: Final = 10.0
"""Seconds to wait after a 429 that does not say how long."""
_BACKOFF: Final = wait_random_exponential(multiplier=0.5, max=30)
"""Full jitter: a random time up to a bound that doubles."""
_NO_CONTENT: Final = 204
_Request = tuple[str, bytes | None]
"""Method and body."""
_GET: Final[_Request] = ("GET", None)
_REFUSALS: Final = frozenset({Code.SOURCE_PERMISSION_MISSING, Code.SOURCE_PLAN_MISSING})
_LOST: Final = Settlement(outcome=Outcome.FAILED)
_UNSENT: Final = Settlement(outcome=Outcome.UNSENT)


class Patience(Struct, frozen=True, kw_only=True):
    """How long and how often a call is tried."""

    seconds: float = 30.0
    """For one attempt, from connecting to the last byte."""
    attempts: int = 5
    longest_wait: float = 60.0
    """A longer wait for the quota is left to the run: it pauses itself (SOURCE_RATE_LIMITED)."""


class _TransientError(Exception):
    """A failure that another attempt may cure; `error` is what it becomes when none does."""

    def __init__(self, error: AppError, *, gated: bool = False, sent: bool = True) -> None:
        super().__init__(error.code)
        self.error = error
        self.gated = gated
        """The budget makes the next attempt wait: no back-off of its own."""
        self.sent = sent
        """Whether the vendor may have counted the request."""


class HttpClient:
    """One helpdesk, one credential. The authorization goes to what `guard` owns and nowhere else."""

    def __init__(self, vendor: Vendor, guard: Guard, *, authorization: Secret, patience: Patience, spender: Spender) -> None:
        self.spender = spender
        self.transport = open_transport(guard)
        self._vendor = vendor
        self._guard = guard
        self.origin = guard.own
        """Where its calls go."""
        self._patience = patience
        self._headers = request_headers(authorization, packed=True)

    def beside(self, origin: Origin) -> "HttpClient":
        """The same account at another of its hosts: the same credential, connections and budget, which are closed with this one.

        Who calls has checked that the host is the vendor's or the operator's: it is sent the credential.
        """
        self._guard.admit(origin)
        there = copy(self)
        there.origin = origin
        return there

    @property
    def calls(self) -> int:
        """Requests to the helpdesk so far, those for files among them."""
        return self.transport.own_calls

    @property
    def quota(self) -> SourceQuota:
        """Calls and waits so far; the vendor's figures are those of the bucket last called."""
        view = self.spender.look()
        return SourceQuota(
            calls=self.calls,
            remaining=view.remaining,
            limit=view.limit,
            waited_seconds=view.waited_seconds,
            waiting_for=view.waiting_for,
            waiting_seconds=view.waiting_seconds,
        )

    async def get(self, target: str, *, patience: Patience | None = None, urgent: bool = False) -> Answer:
        """GET a path with its query (ASCII, escaped) and read its JSON.

        Raises AppError: what `vendor.explain` makes of a refusal; SOURCE_RATE_LIMITED, SOURCE_UNAVAILABLE or
        SOURCE_MALFORMED when the last attempt failed.
        """
        patience = patience or self._patience
        try:
            return await self._attempt(target, patience, urgent=urgent)
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
                    return await self._attempt(target, patience, urgent=True)
        except _TransientError as error:
            raise error.error from None
        raise first.error

    async def send(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> Answer:
        """A request that may change something, sent once: nobody knows whether a lost one did its work. Raises as `get` does."""
        try:
            return await self._attempt(target, self._patience, urgent=True, request=(method, None if body is None else orjson.dumps(body)))
        except _TransientError as error:
            raise error.error from None

    async def close(self) -> None:
        """Let go of sockets, and of the place in the account's budget."""
        self.spender.leave()
        await self.transport.close()

    async def _attempt(self, target: str, patience: Patience, *, urgent: bool, request: _Request = _GET) -> Answer:
        call = self._vendor.quota.call_of(target)
        grant = await self.spender.acquire(call, urgent=urgent, longest_wait=patience.longest_wait)
        # Whoever cancels the call, or an answer that breaks off, may leave a request that was counted.
        settlement = _LOST
        verdict = Verdict.AGAIN
        try:
            answer = await self._timed(target, patience.seconds, request)
            verdict = verdict_of(answer.status, self._vendor.verdicts)
            settlement = self._settlement(call, answer, verdict, patience)
        except _TransientError as error:
            if not error.sent:
                settlement = _UNSENT
            raise
        finally:
            grant.settle(settlement)
        return self._judge(answer, verdict, settlement.retry_after, patience, path=target.partition("?")[0])

    def _settlement(self, call: Call, answer: Answer, verdict: Verdict, patience: Patience) -> Settlement:
        """What the budget has to know of an answer; a wait for a vendor that is down ends with the caller's patience."""
        rules = self._vendor.quota
        told = retry_after(answer.headers.get("Retry-After")) if verdict in (Verdict.WAIT, Verdict.AGAIN) else None
        match verdict:
            case Verdict.WAIT:
                outcome = Outcome.REFUSED
                told = _UNTOLD_WAIT * random.uniform(0.5, 1) if told is None else told
            case Verdict.AGAIN:
                outcome = Outcome.FAILED
                told = None if told is None else min(told, patience.longest_wait)
            case _:
                outcome = Outcome.ANSWERED
        readings = rules.read(call, answer.headers)
        return Settlement(outcome=outcome, used=rules.used(answer.headers), readings=readings, retry_after=told)

    async def _timed(self, target: str, seconds: float, request: _Request) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                with tracing.leaf("vendor_call", vendor=self._vendor.name) as tell:
                    answer = await self._exchange(target, request)
                    tell(status=answer.status)
                    return answer
        except UnknownHostError:
            raise _TransientError(
                AppError(
                    Code.SOURCE_UNAVAILABLE,
                    f"There is no host {self.origin.host} in the name system; check the domain and the network.",
                    details={"reason": "unknown_host"},
                ),
                sent=False,
            ) from None
        except TimeoutError:
            raise _TransientError(self._unavailable(f"did not answer within {seconds:g} s")) from None
        except OversizeAnswerError as error:
            raise AppError(Code.SOURCE_MALFORMED, f"{self._vendor.name} sent an answer of {error}; it was not read.") from None
        except InterruptedAnswerError as error:
            raise _TransientError(self._unavailable(f"broke off its answer ({error})")) from None
        except OSError as error:
            raise _TransientError(self._unavailable(f"can't be reached ({type(error).__name__})"), sent=False) from None

    async def _exchange(self, target: str, request: _Request) -> Answer:
        headers = self._headers if request[1] is None else {**self._headers, "Content-Type": "application/json"}
        incoming = await self.transport.get(self.origin, target, headers, method=request[0], body=request[1])
        try:
            return Answer(status=incoming.status, headers=incoming.headers, body=await incoming.body(_MAX_BODY))
        finally:
            incoming.release()

    def _judge(self, answer: Answer, verdict: Verdict, wait: float | None, patience: Patience, *, path: str) -> Answer:
        match verdict:
            case Verdict.OK:
                return self._parsed(answer, path)
            case Verdict.WAIT:
                error = rate_limited(wait or 0.0)
                if wait is not None and wait > patience.longest_wait:
                    raise error
                raise _TransientError(error, gated=True)
            case Verdict.AGAIN:
                error = self._unavailable(f"answers with an error (HTTP {answer.status})", wait)
                raise _TransientError(error, gated=wait is not None)
            case Verdict.MOVED:
                raise AppError(Code.SOURCE_HOST_UNKNOWN, self._moved(answer))
            case _:
                error = self._vendor.explain(answer)
                if error.code in _REFUSALS:
                    # The one who gives rights has to know which one is missing.
                    error = AppError(error.code, f"{error.message} Asked was {path}.", details=error.details)
                raise error

    def _parsed(self, answer: Answer, path: str) -> Answer:
        if answer.status == _NO_CONTENT:
            return answer
        if answer.is_html:
            raise _TransientError(web_page(self._vendor.name, self.origin.host, answer.body))
        try:
            value = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise _TransientError(broken_json(self._vendor.name, path, error.msg, answer.body)) from None
        return Answer(status=answer.status, headers=answer.headers, body=answer.body, value=value)

    def _moved(self, answer: Answer) -> str:
        try:
            there = split_url(answer.headers.get("Location", ""))[0].authority
        except ValueError:
            there = "another address"
        return (
            f"{self.origin.host} sends API calls on to {there}. If that is your helpdesk, connect that address; the key was not sent there."
        )

    def _unavailable(self, what: str, seconds: float | None = None) -> AppError:
        message = f"{self._vendor.name} at {self.origin.host} {what}. Nothing is lost: it is tried again later."
        return AppError(Code.SOURCE_UNAVAILABLE, message, retry_after=seconds)


def open_transport(guard: Guard) -> "Transport":
    """Connections for one Source."""
    # Imported here since aiohttp takes 0.2 s to load, which a server that calls no helpdesk yet is spared.
    from backend.adapters.http.transport import Transport  # noqa: PLC0415

    return Transport(guard)


def request_headers(authorization: Secret | None, *, packed: bool = False) -> dict[str, str]:
    """The headers of a request. With `packed` the answer may come compressed."""
    headers = {"User-Agent": "Desklore/1", "Accept-Encoding": "gzip" if packed else "identity"}
    if authorization is not None:
        headers["Authorization"] = authorization.reveal()
    return headers


def _wait(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    return 0.0 if isinstance(failure, _TransientError) and failure.gated else _BACKOFF(state)
