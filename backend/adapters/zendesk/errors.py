"""What Zendesk's refusals mean (https://developer.zendesk.com/api-reference/introduction/requests/#response-format)."""

from typing import Any

from backend.adapters.http.vendor import Answer, Vendor
from backend.adapters.http.verdict import Verdict
from backend.adapters.zendesk.limits import LIMITS
from backend.core.errors import AppError, Code

REJECTED = (
    "Zendesk rejected the credentials. With an API token give the e-mail address of an administrator and a token from Admin Center > "
    "Apps and integrations > Zendesk API, with token access switched on; an OAuth token has to be valid and have the scope `read`."
)
UNKNOWN_HOST = "There is no Zendesk at this address. Check the domain: it is the `acme` in https://acme.zendesk.com."
NO_SUPPORT = "This account has no active Zendesk Support, or its trial has ended."
NO_ACCESS = "The user whose token is used may not read this; tickets are exported to administrators only."


def explain(answer: Answer) -> AppError:
    """The error for an answer that is no success and that no second attempt can cure."""
    body = answer.told
    code, title = _told(body)
    match answer.status:
        case 401:
            return AppError(Code.SOURCE_CREDENTIALS_REJECTED, REJECTED)
        case 402:
            return AppError(Code.SOURCE_PLAN_MISSING, NO_SUPPORT)
        case 403:
            # Keyed on the status: the body may be JSON in two forms, a web page or empty (recorded traffic, CONNECTORS section 5).
            inactive = "SupportProductInactive" in (code, title)
            return AppError(Code.SOURCE_PLAN_MISSING if inactive else Code.SOURCE_PERMISSION_MISSING, NO_SUPPORT if inactive else NO_ACCESS)
        case 404 | 410:
            if title.startswith("No help desk"):
                return AppError(Code.SOURCE_HOST_UNKNOWN, UNKNOWN_HOST)
            return AppError(Code.SOURCE_ITEM_NOT_FOUND, "Zendesk has no such item (any more).")
        case status:
            said = "; ".join(filter(None, (code or title, str(body.get("description") or ""))))
            return AppError(
                Code.SOURCE_REQUEST_REFUSED,
                f"Zendesk refused the request (HTTP {status}{f': {said}' if said else ''}).",
                details={"status": status},
            )


def _told(body: dict[str, Any]) -> tuple[str, str]:
    """The error's code, and its title where it is an object: both forms occur."""
    error = body.get("error")
    if isinstance(error, dict):
        return "", str(error.get("title") or "")
    return str(error or ""), ""


ZENDESK = Vendor(
    name="Zendesk",
    # 409 tells of a conflict with a change going on: a moment later it is over.
    verdicts={409: Verdict.AGAIN},
    explain=explain,
    quota=LIMITS,
)
