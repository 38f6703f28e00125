"""The HTTP application: routes, error handlers and middleware in their order."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from backend.api import viewer
from backend.api.errors import CatchUnexpected, install_error_handlers
from backend.api.helpdesk_login import HEADERS
from backend.api.middleware import BodyLimit, RequestContext
from backend.api.openapi import install_openapi
from backend.api.rates import AddressLimit
from backend.api.routes import (
    attachments,
    audit,
    briefs,
    budget,
    connections,
    copilot,
    documents,
    exports,
    failures,
    feedback,
    files,
    health,
    imports,
    keys,
    master_key,
    people,
    providers,
    replies,
    search,
    streams,
    sync,
    tenant_settings,
    tenants,
    tokens,
    uploads,
    usage,
    webhooks,
)
from backend.api.signing import SignedBody
from backend.api.sse import OpenStreams
from backend.core.model.auth import AuthConfig
from backend.core.ports.rates import Rates
from backend.core.ports.services import Services
from backend.core.usecases.authentication import Authenticator
from backend.core.usecases.helpdesk_login import HelpdeskLogin
from backend.core.usecases.inbox import Inbox
from backend.core.usecases.looks import Looks
from backend.core.usecases.streams import Answering

ROUTERS: Final = (
    # Routes are tried in this order: what is called hundreds of times a second comes first.
    webhooks.router,
    tenants.router,
    keys.router,
    master_key.router,
    tokens.router,
    connections.router,
    files.router,
    uploads.router,
    sync.router,
    imports.router,
    failures.router,
    briefs.router,
    copilot.router,
    replies.router,
    streams.router,
    search.router,
    feedback.router,
    documents.router,
    attachments.router,
    usage.router,
    budget.router,
    audit.router,
    audit.operators,
    people.router,
    exports.router,
    tenant_settings.router,
    providers.router,
    health.router,
)
TAGS: Final = {
    "tenants": "Companies; the operator's key.",
    "keys": "API keys of a company.",
    "tokens": "Short-lived access tokens.",
    "connections": "Helpdesks and files that are read.",
    "sync": "Reading them, and how it goes.",
    "failures": "What could not be taken.",
    "copilot": "Beside a ticket: what is known, answers, replies, search.",
    "feedback": "Thumbs.",
    "documents": "What is stored.",
    "attachments": "Files of tickets and articles.",
    "people": "One person's data: all that is held, and its erasure.",
    "exports": "Everything that is kept of a company, as one zip.",
    "usage": "What models cost.",
    "settings": "How a company's data is handled.",
    "audit": "Who did what.",
    "webhooks": "Where helpdesks call.",
    "health": "For probes and metrics.",
}
"""Groups of routes in the order in which people need them."""
DESCRIPTION: Final = """Turns a support team's own history into answers: helpdesk tickets in, cited answers out.

Send `Authorization: Bearer <API key or access token>` or `X-API-Key: <API key>`; where the company allows it, an agent's own
Freshdesk or Zendesk credentials in `X-Platform` and its companions do too. Servers may sign requests instead
(`Authorization: HMAC …`). Every error has the same shape, and its `code` is stable.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """What the operator sets about the API; `settings_api.py` says more of each."""

    body_max_bytes: int = 1_000_000
    cors_origins: Sequence[str] = ()
    """Whose scripts may call it from a browser."""
    public_url: str = ""
    """What helpdesks reach us under, where it is not what requests name."""


def create_app(
    services: Services,
    auth: AuthConfig,
    *,
    render_metrics: Callable[[], tuple[bytes, str]],
    data_dir: Path | None = None,
    rates: Rates | None = None,
    options: ApiOptions | None = None,
    version: str = "0",
) -> FastAPI:
    """The application. What it began itself ends with its lifespan.

    `render_metrics` gives the metrics and their content type; `data_dir` is watched for a disk that fills up; without `rates`
    requests are not limited.
    """
    options = options or ApiOptions()
    authenticator, inbox, answering = Authenticator(services, auth), Inbox(services), Answering(services)
    looks = Looks(services)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        yield
        await answering.close()
        await inbox.close()
        await looks.close()
        await authenticator.close()

    app = FastAPI(
        title="Desklore",
        version=version,
        description=DESCRIPTION,
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        lifespan=running,
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.auth = auth
    app.state.authenticator = authenticator
    app.state.helpdesk_login = HelpdeskLogin(services, auth)
    app.state.inbox = inbox
    app.state.looks = looks
    app.state.answering = answering
    app.state.render_metrics = render_metrics
    app.state.data_dir = data_dir
    app.state.rates = rates
    app.state.public_url = options.public_url
    app.state.streams = OpenStreams(services.meter)
    app.include_router(viewer.router)
    for router in ROUTERS:
        app.include_router(router)
    install_error_handlers(app)
    install_openapi(app)
    _wrap(app, services, options, rates)
    return app


def _wrap(app: FastAPI, services: Services, options: ApiOptions, rates: Rates | None) -> None:
    """Add the middleware, innermost first: what is added last sees the request first."""
    policy = services.policy
    form_bytes = policy.upload_max_bytes + options.body_max_bytes
    larger = {imports.PATH: policy.import_max_bytes, files.PATH: form_bytes, uploads.PATH: form_bytes}
    app.add_middleware(SignedBody)
    app.add_middleware(BodyLimit, max_bytes=options.body_max_bytes, larger=larger)
    app.add_middleware(CatchUnexpected)
    # Event streams, images and the like are left as they are; see DEFAULT_EXCLUDED_CONTENT_TYPES of Starlette.
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    if rates is not None:
        app.add_middleware(AddressLimit, rates=rates, meter=services.meter)
    if options.cors_origins:
        # Around the limit, or a script could not read that it has to wait.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(options.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", *HEADERS, "X-Request-Id", "Last-Event-ID", "If-None-Match"],
            expose_headers=["X-Request-Id", "ETag", "Retry-After", "Location"],
        )
    app.add_middleware(RequestContext, meter=services.meter)
