"""How Zendesk counts calls: a minute's calls of the account, those of the help center, and of some endpoints.

https://developer.zendesk.com/api-reference/introduction/rate-limits/; the headers' forms as recorded (CONNECTORS section 5).
"""

from collections.abc import Mapping
from typing import Final

from backend.adapters.http.vendor import QuotaRules
from backend.core.model.quota import ACCOUNT, Call, Reading

_API: Final = "/api/v2/"
HELP_CENTER: Final = "help_center"
_ENDPOINT: Final = "zendesk-ratelimit-"


def call_of(target: str) -> Call:
    """The path without its ids tells the route. The help center is counted apart from tickets."""
    path = target.partition("?")[0].partition(_API)[2]
    parts = [part.removesuffix(".json") for part in path.split("/") if not part.isdecimal()]
    within = (HELP_CENTER,) if parts[:1] == [HELP_CENTER] else (ACCOUNT,)
    return Call(route="/".join(parts), within=within)


def read(call: Call, headers: Mapping[str, str]) -> tuple[Reading, ...]:
    """The quotas the answer tells of: the account's or the help center's first, then those of the endpoint."""
    found: list[Reading] = []
    limit = _whole(headers.get("X-Rate-Limit") or headers.get("RateLimit-Limit"))
    remaining = _whole(headers.get("X-Rate-Limit-Remaining") or headers.get("RateLimit-Remaining"))
    if limit is not None and remaining is not None:
        resets = _whole(headers.get("RateLimit-Reset"))
        found.append(Reading(bucket=call.within[0], limit=limit, remaining=remaining, resets_in=resets))
    for name, value in headers.items():
        if name.lower().startswith(_ENDPOINT):
            reading = _endpoint(name.lower().removeprefix(_ENDPOINT), value)
            if reading is not None:
                found.append(reading)
    return tuple(found)


def _endpoint(name: str, value: str) -> Reading | None:
    """`total=10; remaining=9; resets=60`."""
    parts = {key.strip(): _whole(figure) for key, _, figure in (part.partition("=") for part in value.split(";"))}
    limit, remaining, resets = parts.get("total"), parts.get("remaining"), parts.get("resets")
    if limit is None or remaining is None:
        return None
    return Reading(bucket=name, limit=limit, remaining=remaining, resets_in=resets)


def _whole(figure: str | None) -> int | None:
    try:
        return max(0, int(float((figure or "").strip())))
    except (ValueError, OverflowError):
        return None


LIMITS: Final = QuotaRules(call_of=call_of, read=read)
