"""What Freshdesk's refusals mean (https://developers.freshdesk.com/api/#error)."""

from typing import Any

from backend.adapters.freshdesk.limits import LIMITS
from backend.adapters.http.vendor import Answer, Vendor
from backend.adapters.http.verdict import Verdict
from backend.core.errors import AppError, Code

REJECTED = (
    "Freshdesk rejected the API key. Copy it again from Profile settings > View API key; "
    "the keys of occasional agents are replaced every night, so use a full-time agent's."
)
UNKNOWN_HOST = "There is no Freshdesk at this address. Check the domain: it is the `acme` in https://acme.freshdesk.com."
SUSPENDED = "The Freshdesk account is suspended; its owner has to reactivate it."
NO_FEATURE = "The Freshdesk plan does not include this feature."
NO_ACCESS = "The agent whose API key is used may not read this; give the role the permission, or use an administrator's key."


def explain(answer: Answer) -> AppError:
    """The error for an answer that is no success and that no second attempt can cure."""
    body = answer.told
    code = body.get("code") if isinstance(body.get("code"), str) else None
    match answer.status:
        case 401:
            return AppError(Code.SOURCE_CREDENTIALS_REJECTED, REJECTED)
        case 403:
            return _forbidden(code)
        case 404 | 410:
            return _missing(answer)
        case _:
            return _refused(answer.status, body)


def _forbidden(code: str | None) -> AppError:
    if code == "require_feature":
        return AppError(Code.SOURCE_PLAN_MISSING, NO_FEATURE)
    if code == "account_suspended":
        return AppError(Code.SOURCE_CREDENTIALS_REJECTED, SUSPENDED)
    if code in {"invalid_credentials", "password_lockout", "password_expired"}:
        return AppError(Code.SOURCE_CREDENTIALS_REJECTED, REJECTED)
    return AppError(Code.SOURCE_PERMISSION_MISSING, NO_ACCESS)


def _missing(answer: Answer) -> AppError:
    # A missing record is a 404 with an empty body; an unknown account is a 404 of one space from the gate before the
    # API, which names no API version and manages no limits (recorded traffic, CONNECTORS section 4).
    unmanaged = answer.headers.get("X-Fw-Ratelimiting-Managed") == "false"
    unversioned = answer.headers.get("X-Freshdesk-Api-Version") is None and not answer.told
    if unmanaged or unversioned or answer.body == b" ":
        return AppError(Code.SOURCE_HOST_UNKNOWN, UNKNOWN_HOST)
    return AppError(Code.SOURCE_ITEM_NOT_FOUND, "Freshdesk has no such item (any more).")


def _refused(status: int, body: dict[str, Any]) -> AppError:
    errors = body.get("errors")
    listed = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    fields = [str(entry.get("field")) for entry in listed]
    said = "; ".join(f"{entry.get('field')}: {entry.get('message')}" for entry in listed) or body.get("message") or body.get("description")
    return AppError(
        Code.SOURCE_REQUEST_REFUSED,
        f"Freshdesk refused the request (HTTP {status}{f': {said}' if said else ''}).",
        details={"status": status, "fields": fields},
    )


FRESHDESK = Vendor(
    name="Freshdesk",
    # 405 answers a deleted or spam ticket on some calls: the item is not to be had, others are.
    verdicts={405: Verdict.SKIP},
    explain=explain,
    quota=LIMITS,
)
