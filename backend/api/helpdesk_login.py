"""The headers with which an integrator shows a helpdesk's own credentials, and how OpenAPI describes them (SPEC D3)."""

from typing import Any, Final

from starlette.requests import Request

from backend.api.rates import address_of, take
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret
from backend.core.ports.rates import RateScope
from backend.core.usecases.helpdesk_login import HELPDESKS, HelpdeskCredentials

PLATFORM: Final = "X-Platform"
DOMAIN: Final = {"freshdesk": "X-Freshdesk-Domain", "zendesk": "X-Zendesk-Domain"}
FIELDS: Final = {
    "freshdesk": {"api_key": "X-Freshdesk-API-Key"},
    "zendesk": {"email": "X-Zendesk-Email", "api_token": "X-Zendesk-API-Token", "oauth_token": "X-Zendesk-OAuth-Token"},
}
"""Platform -> field of its credential -> header."""
KINDS: Final = (("freshdesk", ("api_key",)), ("zendesk", ("email", "api_token")), ("zendesk", ("oauth_token",)))
"""What proves somebody, by platform: these headers together."""
HEADERS: Final = (PLATFORM, *DOMAIN.values(), *(header for fields in FIELDS.values() for header in fields.values()))


def shown_credentials(request: Request) -> HelpdeskCredentials | None:
    """What the headers show; None where they show nothing of the kind. Raises UNAUTHENTICATED where they are incomplete."""
    platform = request.headers.get(PLATFORM, "").strip().lower()
    if not platform:
        return None
    if platform not in HELPDESKS:
        raise AppError(Code.UNAUTHENTICATED, f"{PLATFORM} can be {' or '.join(sorted(HELPDESKS))}.")
    values = {name: request.headers.get(header, "").strip() for name, header in FIELDS[platform].items()}
    domain = request.headers.get(DOMAIN[platform], "").strip()
    if not domain or not any(values.values()):
        needed = " or ".join(" with ".join(FIELDS[of][name] for name in names) for of, names in KINDS if of == platform)
        raise AppError(Code.UNAUTHENTICATED, f"{PLATFORM}: {platform} needs {DOMAIN[platform]} and {needed}.")
    return HelpdeskCredentials(
        platform=platform, domain=domain, credentials={name: Secret(value) for name, value in values.items() if value}
    )


async def admit_login(request: Request, company_id: str, connection_id: str) -> None:
    """Count a question to a helpdesk, for the address and for the connection. Raises RATE_LIMITED."""
    rates, meter = request.app.state.rates, request.app.state.services.meter
    await take(rates, meter, RateScope.LOGIN_ADDRESS, address_of(request.scope))
    await take(rates, meter, RateScope.LOGIN, company_id, connection_id)


def security_schemes() -> dict[str, dict[str, Any]]:
    """Each header as OpenAPI names it."""
    told = {PLATFORM: "Which helpdesk: `freshdesk` or `zendesk`."}
    told |= {header: f"The connected {platform} account, such as `acme.{platform}.com`." for platform, header in DOMAIN.items()}
    told |= {header: f"An agent's own {platform} credential." for platform, fields in FIELDS.items() for header in fields.values()}
    return {_scheme(header): {"type": "apiKey", "in": "header", "name": header, "description": text} for header, text in told.items()}


def security_choices() -> list[dict[str, list[str]]]:
    """Which of them are needed together."""
    kinds = [(PLATFORM, DOMAIN[platform], *(FIELDS[platform][name] for name in names)) for platform, names in KINDS]
    return [{_scheme(header): [] for header in headers} for headers in kinds]


def _scheme(header: str) -> str:
    return header.removeprefix("X-").replace("-", "")
