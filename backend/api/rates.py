"""Rate limits: by address for every request, by key and company where somebody has shown who they are (SPEC D5)."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.api.errors import error_response, note, request_id_of
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Caller
from backend.core.ports.meter import Meter
from backend.core.ports.rates import Rates, RateScope

FREE: Final = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""Probes and Prometheus must get through just when there is too much of everything."""
RECEIVING: Final = "/api/v1/webhooks/"
"""A helpdesk calls for all its customers from few addresses: here only what is rejected counts for the address."""


def too_many(scope: RateScope, seconds: float, meter: Meter) -> AppError:
    """The refusal, counted."""
    meter.count("http_limited", scope=scope.value)
    whose = {RateScope.ADDRESS: "your address", RateScope.KEY: "this API key", RateScope.TENANT: "your company"}
    whose |= {RateScope.WEBHOOK: "this connection's webhook", RateScope.LOGIN: "this helpdesk's credentials"}
    whose |= {RateScope.LOGIN_ADDRESS: "your address with a helpdesk's credentials"}
    return AppError(
        Code.RATE_LIMITED, f"Too many requests of {whose[scope]}; ask again in {max(1, round(seconds))} s.", retry_after=seconds
    )


async def take(rates: Rates | None, meter: Meter, scope: RateScope, *names: str) -> None:
    """Count one request. Raises RATE_LIMITED."""
    seconds = None if rates is None else await rates.take(scope, *names)
    if seconds is not None:
        raise too_many(scope, seconds, meter)


async def check_caller(rates: Rates | None, caller: Caller, meter: Meter) -> None:
    """Count a request of somebody who is known. Raises RATE_LIMITED."""
    if caller.company_id is not None:
        await take(rates, meter, RateScope.KEY, caller.company_id, caller.key_id or caller.actor)
        await take(rates, meter, RateScope.TENANT, caller.company_id)


async def check_webhook(rates: Rates | None, company_id: str, connection_id: str, meter: Meter) -> None:
    """Count a webhook that proved who it is from. Raises RATE_LIMITED."""
    await take(rates, meter, RateScope.WEBHOOK, company_id, connection_id)


async def check_rejected(rates: Rates | None, scope: Scope, meter: Meter) -> None:
    """Count a webhook that proved nothing, for its address. Raises RATE_LIMITED."""
    await take(rates, meter, RateScope.ADDRESS, address_of(scope))


def address_of(scope: Scope) -> str:
    """The network address a request came from."""
    return str((scope.get("client") or ("unknown",))[0])


class AddressLimit:
    """Refuses requests of an address that sends too many, whoever they claim to be of."""

    def __init__(self, app: ASGIApp, rates: Rates, meter: Meter) -> None:
        self._app = app
        self._rates = rates
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in FREE and not scope["path"].startswith(RECEIVING):
            seconds = await self._rates.take(RateScope.ADDRESS, address_of(scope))
            if seconds is not None:
                error = too_many(RateScope.ADDRESS, seconds, self._meter)
                note(scope, error.code)
                await error_response(error, request_id_of(scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)
