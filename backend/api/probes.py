"""What a process that only works answers to probes and Prometheus: `/health` and `/metrics`, no tenant's data."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from backend.api.errors import CatchUnexpected, install_error_handlers
from backend.api.middleware import RequestContext
from backend.api.routes import health
from backend.core.ports.services import Services


def create_probe_app(
    services: Services, *, render_metrics: Callable[[], tuple[bytes, str]], data_dir: Path | None = None, version: str = "0"
) -> FastAPI:
    """An application with the routes of health alone; they ask for no key, so it belongs on an inner network."""
    app = FastAPI(title="Desklore worker", version=version, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.state.render_metrics = render_metrics
    app.state.data_dir = data_dir
    app.include_router(health.router)
    install_error_handlers(app)
    app.add_middleware(CatchUnexpected)
    app.add_middleware(RequestContext, meter=services.meter)
    return app
