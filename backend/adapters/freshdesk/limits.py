"""How Freshdesk counts calls: credits a minute for the account, and smaller quotas within them.

An answer tells of one quota only: of the ticket or contact quota on those paths, else of the account's (recorded traffic,
CONNECTORS section 4). The plans' figures: https://developers.freshdesk.com/api/#ratelimit.
"""

from collections.abc import Mapping
from typing import Final

from backend.adapters.http.vendor import QuotaRules
from backend.core.model.quota import ACCOUNT, Call, Reading

_API: Final = "/api/v2/"
_INNER: Final = frozenset({"tickets", "contacts"})
"""First parts of the paths that have quotas of their own."""
_LIST_INCLUDE: Final = 2
_VIEW_INCLUDE: Final = 1
"""Credits of each thing included beside the one of the call (https://developers.freshdesk.com/api/#embedding)."""
_CONVERSATIONS: Final = 2
"""Included conversations cost two."""


def call_of(target: str) -> Call:
    """The area and whether it is a list tell the route; what is included tells the cost."""
    path, _, query = target.partition("?")
    area, _, rest = path.partition(_API)[2].partition("/")
    listed = not rest
    return Call(route=f"{area}/list" if listed else f"{area}/view", cost=1 + _included(query, listed=listed))


def read(call: Call, headers: Mapping[str, str]) -> tuple[Reading, ...]:
    """The quota the answer tells of. A total of its own is a bucket of its own: a plan may have other totals for lists."""
    limit = _whole(headers.get("X-Ratelimit-Total"))
    remaining = _whole(headers.get("X-Ratelimit-Remaining"))
    if limit is None or remaining is None:
        return ()
    area = call.route.partition("/")[0]
    return (Reading(bucket=f"{area}:{limit}" if area in _INNER else ACCOUNT, limit=limit, remaining=remaining),)


def used(headers: Mapping[str, str]) -> int | None:
    """The credits the call took."""
    return _whole(headers.get("X-Ratelimit-Used-Currentrequest"))


def _included(query: str, *, listed: bool) -> int:
    _, found, rest = query.partition("include=")
    if not found:
        return 0
    names = rest.partition("&")[0].split(",")
    if listed:
        return _LIST_INCLUDE * len(names)
    return _VIEW_INCLUDE * len(names) + (_CONVERSATIONS - _VIEW_INCLUDE) * ("conversations" in names)


def _whole(text: str | None) -> int | None:
    """Freshdesk sends `100`, but also `100.0` (recorded traffic)."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


LIMITS: Final = QuotaRules(call_of=call_of, read=read, used=used)
