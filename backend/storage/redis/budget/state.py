"""The state of a shared account as bytes, and back."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from backend.core.model.quota import Call, Lane
from backend.storage.inprocess.budget.account import AccountSpender
from backend.storage.inprocess.budget.bucket import Bucket, Mark
from backend.storage.redis.budget.account import Place, SharedAccount, SharedGrant, SharedSpender, Turn

VERSION: Final = 1
"""Raised when the form changes: a state of another version is forgotten, and the next answers tell it again."""

_RANKS: Final = 2 * len(Lane)


class GrantState(Struct, array_like=True):
    """A call that runs."""

    lane: Lane
    spender_id: str
    call: Call
    marks: list[tuple[str, int, int]]
    since: float
    until: float


class PlaceState(Struct, array_like=True):
    """Somebody who waits."""

    place_id: str
    lane: Lane
    spender_id: str
    call: Call
    longest: float
    held: bool
    until: float


class State(Struct, kw_only=True):
    """Everything that is known of an account."""

    version: int
    paused_until: float
    met: bool
    learned: dict[str, tuple[str, ...]]
    running: int
    allowed: float
    calm_from: float
    times: dict[str, tuple[float, float]]
    buckets: dict[str, dict[str, Any]]
    grants: dict[str, GrantState]
    lines: list[list[list[PlaceState]]]
    """For each rank the lines in their turns, and in each those who wait, in their order."""
    turns: dict[str, tuple[str, float, float]]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(State)


def dump(account: SharedAccount) -> bytes:
    """The account as bytes."""
    pace = account.concurrency
    return _encoder.encode(
        State(
            version=VERSION,
            paused_until=account.paused_until,
            met=account.met,
            learned=account.learned,
            running=pace.running,
            allowed=pace.allowed,
            calm_from=pace.calm_from,
            times=pace.times,
            buckets={name: bucket.dump() for name, bucket in account.buckets.items()},
            grants={grant_id: _of_grant(grant) for grant_id, grant in account.grants.items()},
            lines=[
                [[_of_place(place) for place in line if isinstance(place, Place)] for line in lines] for lines in account.lines.in_turn()
            ],
            turns={place_id: (turn.grant_id, turn.seconds, turn.until) for place_id, turn in account.turns.items()},
        )
    )


def load(data: bytes, account: SharedAccount, spenders: dict[str, SharedSpender]) -> None:
    """Fill a fresh account; `spenders` are those of this process, whose waits it tells of."""
    try:
        state = _decoder.decode(data)
    except msgspec.ValidationError:
        return
    if state.version != VERSION:
        return
    pace = account.concurrency
    pace.running, pace.allowed, pace.calm_from, pace.times = state.running, min(state.allowed, pace.limit), state.calm_from, state.times
    account.paused_until, account.met = state.paused_until, state.met
    account.learned.update(state.learned)
    account.buckets.update({name: Bucket.load(values) for name, values in state.buckets.items()})
    for grant_id, found in state.grants.items():
        spender = spenders.get(found.spender_id) or AccountSpender(account, found.lane, None)
        marks = [Mark(account.buckets[name], window, seen) for name, window, seen in found.marks if name in account.buckets]
        grant = SharedGrant(account, spender, found.call, marks, found.since, grant_id=grant_id, spender_id=found.spender_id)
        grant.until = found.until
        account.grants[grant_id] = grant
    for rank, lines in enumerate(state.lines[:_RANKS]):
        for waiting in (each for line in lines for each in line):
            owner = spenders.get(waiting.spender_id) or AccountSpender(account, waiting.lane, None)
            place = Place(owner, waiting.call, waiting.longest, place_id=waiting.place_id, spender_id=waiting.spender_id, rank=rank)
            place.held, place.until = waiting.held, waiting.until
            account.stand(place)
    account.turns.update({place_id: Turn(*turn) for place_id, turn in state.turns.items()})


def _of_grant(grant: SharedGrant) -> GrantState:
    marks = [(mark.bucket.name, mark.window, mark.seen) for mark in grant.marks]
    return GrantState(grant.spender.lane, grant.spender_id, grant.call, marks, grant.since, grant.until)


def _of_place(place: Place) -> PlaceState:
    return PlaceState(place.place_id, place.spender.lane, place.spender_id, place.call, place.longest, place.held, place.until)
