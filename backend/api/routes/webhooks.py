"""Webhooks: how a connection's is set up, and where helpdesks call. The latter needs no key: the webhook proves itself."""

from typing import Final

from fastapi import APIRouter, Path, Request, Response

from backend.api.deps import ConnectionsCaller, ServicesDep
from backend.api.errors import problems
from backend.api.rates import check_rejected, check_webhook
from backend.api.routes import API
from backend.api.schemas.webhooks import GuideOut, RegisteredOut, WebhookIn, WebhookOut
from backend.core.errors import AppError, Code
from backend.core.model.tenant import Secret
from backend.core.model.webhook import Delivery
from backend.core.usecases import webhooks
from backend.core.usecases.inbox import Inbox

RECEIVING: Final = f"{API}/webhooks"

router = APIRouter(tags=["webhooks"])


@router.post(
    f"{API}/connections/{{connection_id}}/webhook",
    status_code=201,
    responses=problems(Code.CONNECTION_NOT_FOUND, Code.PLATFORM_UNKNOWN, body=True),
)
async def open_webhook(
    request: Request,
    services: ServicesDep,
    caller: ConnectionsCaller,
    connection_id: str = Path(max_length=100),
    body: WebhookIn | None = None,
) -> WebhookOut:
    """Make a connection's webhook, or rotate its secret; the secret is shown this once."""
    given = None if body is None or body.signing_secret is None else Secret(body.signing_secret.get_secret_value())
    base_url = _base_url(request)
    made = await webhooks.open_webhook(services, caller.company_id, connection_id, base_url=base_url, signing_secret=given, caller=caller)
    _inbox(request).forget(connection_id)
    return WebhookOut(
        connection_id=made.connection_id,
        platform=made.platform,
        url=base_url + made.path,
        ready=made.ready,
        secret=made.secret,
        rotated=made.rotated,
        guide=GuideOut.model_validate(made.guide),
    )


@router.post(
    f"{API}/connections/{{connection_id}}/webhook/registration",
    responses=problems(
        Code.CONNECTION_NOT_FOUND, Code.INVALID_REQUEST, Code.SOURCE_PERMISSION_MISSING, Code.SOURCE_CREDENTIALS_REJECTED,
        Code.SOURCE_REQUEST_REFUSED, Code.SOURCE_UNAVAILABLE,
    ),
)  # fmt: skip
async def register_webhook(
    request: Request, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = Path(max_length=100)
) -> RegisteredOut:
    """Make a connection's webhook over the helpdesk's API; asked for again it finds what was made."""
    base_url = _base_url(request)
    registration = await webhooks.register_webhook(services, caller.company_id, connection_id, base_url=base_url, caller=caller)
    _inbox(request).forget(connection_id)
    return RegisteredOut(
        connection_id=connection_id,
        platform=registration.url.removeprefix(base_url).split("/")[1],
        url=registration.url,
        webhook_id=registration.webhook_id,
        trigger_id=registration.trigger_id,
    )


@router.delete(f"{API}/connections/{{connection_id}}/webhook", status_code=204, responses=problems(Code.CONNECTION_NOT_FOUND))
async def close_webhook(
    request: Request, services: ServicesDep, caller: ConnectionsCaller, connection_id: str = Path(max_length=100)
) -> Response:
    """Believe the connection's webhooks no more."""
    await webhooks.close_webhook(services, caller.company_id, connection_id, caller)
    _inbox(request).forget(connection_id)
    return Response(status_code=204)


@router.post(
    f"{RECEIVING}/{{platform}}/{{connection_id}}",
    status_code=202,
    response_class=Response,
    responses=problems(Code.WEBHOOK_REJECTED, Code.BODY_TOO_LARGE, Code.RATE_LIMITED, Code.STORAGE_UNAVAILABLE, key=False, body=True),
)
async def receive(
    request: Request, services: ServicesDep, platform: str = Path(max_length=64), connection_id: str = Path(max_length=100)
) -> Response:
    """A helpdesk tells of a change: noted, and read within seconds. Proved by the webhook's own signature or secret."""
    inbox, rates, meter = _inbox(request), request.app.state.rates, services.meter
    delivery = Delivery(headers=request.headers, body=await request.body())
    try:
        told = await inbox.check(platform, connection_id, delivery)
    except AppError as error:
        if error.code is Code.WEBHOOK_REJECTED:
            await check_rejected(rates, request.scope, meter)
        raise
    await check_webhook(rates, told.hook.company_id, connection_id, meter)
    await inbox.note(told)
    return Response(status_code=202)


def _base_url(request: Request) -> str:
    """Of what helpdesks call: the operator's public address, else that under which we were asked."""
    return (request.app.state.public_url or str(request.base_url)).rstrip("/") + RECEIVING


def _inbox(request: Request) -> Inbox:
    inbox: Inbox = request.app.state.inbox
    return inbox
