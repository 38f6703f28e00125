"""What Birchdesk's refusals mean, and how it counts calls."""

from collections.abc import Mapping
from typing import Final

import msgspec
from backend.adapters.http.vendor import Answer, QuotaRules, Vendor
from backend.core.errors import AppError, Code
from backend.core.model.quota import ACCOUNT, Call, Reading

REJECTED: Final = "Birchdesk rejected the token. Make a new one under Settings > API tokens and give it here."
UNKNOWN_HOST: Final = "There is no Birchdesk at this address. Check the domain: it is the `acme` in https://acme.birchdesk.example."
NO_ACCESS: Final = "The token may not read this: give it the scopes `tickets` and `articles` under Settings > API tokens."
NO_PLAN: Final = "The Birchdesk plan does not include this."


class _Refusal(msgspec.Struct):
    error: str = ""


def explain(answer: Answer) -> AppError:
    """The error for an answer that is no success and that no second attempt can cure."""
    try:
        said = msgspec.json.decode(answer.body, type=_Refusal).error
    except msgspec.DecodeError:
        said = ""
    match answer.status:
        case 401:
            return AppError(Code.SOURCE_CREDENTIALS_REJECTED, REJECTED)
        case 402:
            return AppError(Code.SOURCE_PLAN_MISSING, NO_PLAN)
        case 403:
            return AppError(Code.SOURCE_PERMISSION_MISSING, NO_ACCESS)
        case 404 if said == "No such account":
            return AppError(Code.SOURCE_HOST_UNKNOWN, UNKNOWN_HOST)
        case 404 | 410:
            return AppError(Code.SOURCE_ITEM_NOT_FOUND, "Birchdesk has no such item (any more).")
        case status:
            return AppError(Code.SOURCE_REQUEST_REFUSED, f"Birchdesk refused the request (HTTP {status}{f': {said}' if said else ''}).")


def malformed(error: msgspec.ValidationError, body: bytes) -> AppError:
    """The error for an answer in another shape than is documented: the message names the field, and what came is kept."""
    return AppError(Code.SOURCE_MALFORMED, f"Birchdesk sent data in a shape that its API does not document: {error}.", raw=body)


def _call_of(target: str) -> Call:
    """All calls of one path cost the same and spend from the account's only bucket."""
    return Call(route="/".join(target.partition("?")[0].split("/")[:3]))


def _read(_: Call, headers: Mapping[str, str]) -> tuple[Reading, ...]:
    """`X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds); a figure that can't be read is left out."""
    try:
        limit, remaining, resets = (int(headers[f"X-RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset"))
    except (KeyError, ValueError):
        return ()
    return (Reading(bucket=ACCOUNT, limit=limit, remaining=remaining, resets_in=resets),)


VENDOR: Final = Vendor(name="Birchdesk", verdicts={}, explain=explain, quota=QuotaRules(call_of=_call_of, read=_read))
"""All that Desklore's HTTP client has to know of Birchdesk; statuses that mean something else than usual go into `verdicts`."""
