"""What a vendor lets one account spend, and what a call spends of it (SPEC A5)."""

from enum import StrEnum

from msgspec import Struct

from backend.core.errors import AppError, Code

ACCOUNT = "account"
"""The bucket that every call of an account spends from, where the vendor tells of no other."""


class Lane(StrEnum):
    """Who waits for a call, in the order in which calls are served."""

    LIVE = "live"
    """A person looks at the screen: the sidebar, the check of a credential."""
    WEBHOOK = "webhook"
    """The helpdesk told of a change."""
    INCREMENTAL = "incremental"
    """What changed since the last sync."""
    BACKFILL = "backfill"
    """Everything there is."""


class Call(Struct, frozen=True, kw_only=True):
    """A call about to be made."""

    route: str
    """The kind of call, such as `tickets/list`: calls of one route spend from the same buckets."""
    cost: int = 1
    """Credits it is expected to take."""
    within: tuple[str, ...] = (ACCOUNT,)
    """Buckets it spends from whatever the answer tells of; others are learned from the answers."""


class Reading(Struct, frozen=True, kw_only=True):
    """What an answer tells of one bucket, after this call was counted."""

    bucket: str
    limit: int
    remaining: int
    resets_in: float | None = None
    """Seconds until the bucket is full again, where the vendor tells."""


class Outcome(StrEnum):
    """How a call ended, as far as the budget is concerned."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The quota is used up (429): nothing was spent, and everybody waits."""
    FAILED = "failed"
    """The vendor failed, or no answer came; the call may have been counted."""
    UNSENT = "unsent"
    """The request never left: nothing was spent."""


class Settlement(Struct, frozen=True, kw_only=True):
    """What became of a call."""

    outcome: Outcome
    used: int | None = None
    """Credits it took, where the vendor tells."""
    readings: tuple[Reading, ...] = ()
    retry_after: float | None = None
    """Seconds the account has to be left alone, where the vendor asks for it."""


class BucketView(Struct, frozen=True, kw_only=True):
    """How one bucket stands."""

    name: str
    limit: int
    remaining: int
    resets_in: float | None = None
    """Seconds until it is full again; None where it fills up all the time or nobody knows."""


class QuotaView(Struct, frozen=True, kw_only=True):
    """How an account's budget stands, as one of its spenders sees it."""

    remaining: int | None = None
    """Of the bucket that was told of last."""
    limit: int | None = None
    waited_seconds: float = 0.0
    """Seconds in which the quota held this spender up."""
    waiting_for: str = ""
    """The bucket whose quota this spender waits for, `pause` where the vendor asked for one; empty where it waits for nothing."""
    waiting_seconds: float = 0.0
    """Seconds until it may go on."""
    buckets: tuple[BucketView, ...] = ()


def rate_limited(seconds: float) -> AppError:
    """The error that lets a run pause itself until the quota is back."""
    return AppError(
        Code.SOURCE_RATE_LIMITED,
        f"The helpdesk's API quota is used up; it is free again in {max(1, round(seconds))} s. The run goes on by itself then.",
        retry_after=max(1.0, seconds),
    )
