"""The whole product in one process, API, jobs and the clock over the same services; or only its jobs and clock."""

import asyncio
import gc
import importlib.metadata
from typing import Final

from fastapi import FastAPI

from backend import bootstrap
from backend.api.app import ApiOptions, create_app
from backend.api.probes import create_probe_app
from backend.core.errors import AppError, Code
from backend.core.ports.services import Services
from backend.observability import tracing
from backend.settings import Settings
from backend.workers.runner import handler
from backend.workers.schedule import heal_all, keep_months_forever, start_due_forever, sweep_forever

_YOUNG: Final = 50_000
"""New objects between two looks at the youngest ones; Python's own is 700."""


class Work:
    """Desklore without its API: jobs and the clock. `start` begins to work, `close` lets go of everything."""

    def __init__(self, built: bootstrap.Built, settings: Settings) -> None:
        self._built = built
        self._settings = settings
        self._clocks: list[asyncio.Task[None]] = []

    @property
    def services(self) -> Services:
        """All ports, for tests and benches that drive the product from inside."""
        return self._built.services

    @property
    def built(self) -> bootstrap.Built:
        """The services with what guards them."""
        return self._built

    def probes(self) -> FastAPI:
        """Its `/health` and `/metrics`, for a process without the API."""
        return create_probe_app(self.services, render_metrics=self._built.meter.render, data_dir=self._settings.data_dir, version=version())

    async def start(self) -> None:
        """Run jobs, first of all those that a killed process left; nothing where others run them.

        Raises INDEX_UNAVAILABLE where another process holds the embedded index.
        """
        if not self._settings.run_jobs:
            return
        await self._built.claim()
        await self.services.queue.start(handler(self.services))
        self._clocks = [
            asyncio.create_task(tick(self.services)) for tick in (heal_all, sweep_forever, start_due_forever, keep_months_forever)
        ]

    async def healed(self) -> None:
        """Wait until every tenant was looked at that can be; what was found missing is on its way then. Nothing where others run jobs."""
        if healing := self._clocks[:1]:
            await asyncio.wait(healing)

    async def close(self) -> None:
        """Stop jobs (they are safe to run again, here or elsewhere) and let go of files, processes and connections."""
        for clock in self._clocks:
            clock.cancel()
        await asyncio.gather(*self._clocks, return_exceptions=True)
        await self.services.queue.stop()
        await self._built.close()
        if self._settings.otel_endpoint is not None:
            await asyncio.to_thread(tracing.stop)


class Runtime(Work):
    """Desklore with its API."""

    def __init__(self, built: bootstrap.Built, settings: Settings, app: FastAPI) -> None:
        super().__init__(built, settings)
        self.app = app

    async def close(self) -> None:
        """Likewise; answers that are being written may go on for a moment, for they need all the rest."""
        await self.app.state.answering.close()
        await self.app.state.looks.close()
        await super().close()


async def build_worker(settings: Settings) -> Work:
    """What `desklore worker` runs, not yet at work. Raises AppError as `build` does."""
    _trace(settings)
    return Work(await bootstrap.build(settings), settings)


async def build(settings: Settings) -> Runtime:
    """Everything the settings ask for, not yet at work. Raises AppError with what to do where a part can't be had."""
    _trace(settings)
    built = await bootstrap.build(settings)
    app = create_app(
        built.services,
        built.auth,
        render_metrics=built.meter.render,
        data_dir=settings.data_dir,
        rates=built.rates,
        options=ApiOptions(body_max_bytes=settings.body_max_bytes, cors_origins=settings.allowed_origins, public_url=settings.public_url),
        version=version(),
    )
    return Runtime(built, settings, app)


def _trace(settings: Settings) -> None:
    if settings.otel_endpoint is None:
        return
    try:
        tracing.start_exporting(settings.otel_endpoint, version=version(), share=settings.otel_share)
    except ImportError as error:
        advice = "DESKLORE_OTEL_ENDPOINT needs OpenTelemetry: pip install 'desklore[otel]', or leave it empty."
        raise AppError(Code.INVALID_REQUEST, advice) from error


def relax_collector() -> None:
    """Look for circles of garbage less often, for a process that does nothing but run Desklore.

    Pages of a thousand tickets are hundreds of thousands of objects without a circle: with Python's own thresholds going through them
    again and again took a quarter of the processor time of a Zendesk backfill (bench/zendesk.py).
    """
    gc.set_threshold(_YOUNG, 20, 20)


def version() -> str:
    """Of the installed package."""
    try:
        return importlib.metadata.version("desklore")
    except importlib.metadata.PackageNotFoundError:
        return "0.1.0"
