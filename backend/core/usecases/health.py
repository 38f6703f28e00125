"""Whether Desklore can work right now: database, index, models by name, queue."""

import asyncio
from collections.abc import Awaitable
from enum import StrEnum

from msgspec import Struct

from backend.core.errors import AppError
from backend.core.ports.llm import CircuitState, CircuitView
from backend.core.ports.services import Services

PROBE_SECONDS = 2.0
_TRIED = 3
"""So many tenants' indexes are tried before the engine counts as down."""


class DependencyState(StrEnum):
    """How a dependency is."""

    OK = "ok"
    LOW = "low"
    """It works, and soon won't: somebody should look."""
    DOWN = "down"


class Dependency(Struct, frozen=True, kw_only=True):
    """One thing we need, and how it is."""

    name: str
    state: DependencyState
    detail: str = ""


async def probe_dependencies(services: Services) -> list[Dependency]:
    """Ask every dependency, side by side; costs no call to a model."""
    models = services.models
    database, index, files, queue = await asyncio.gather(
        _probed("database", services.database.ping()),
        _probed("index", _open_an_index(services)),
        # Without files questions are answered still; syncs wait, and attachments can't be opened.
        _probed("files", services.blobs.ping(), without=DependencyState.LOW),
        # Without the queue everything that is stored can be read and found; what is to be done waits for it.
        _probed("queue", _queued(services), without=DependencyState.LOW),
    )
    return [
        database,
        index,
        files,
        *(
            Dependency(name=f"model:{role}", state=DependencyState.OK, detail=f"{model.provider}/{model.model}")
            for role, model in (
                ("summarize", models.summarize),
                ("generate", models.generate),
                ("reason", models.reason),
                ("embed", models.embed),
            )
        ),
        *(_of_circuit(circuit) for circuit in services.circuits),
        queue,
    ]


async def _probed(name: str, probe: Awaitable[str | None], *, without: DependencyState = DependencyState.DOWN) -> Dependency:
    """How a dependency is by its probe, which may tell a detail; `without` says how bad it is that it does not answer."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            detail = await probe
    except AppError as error:
        return Dependency(name=name, state=without, detail=error.code.value)
    except TimeoutError:
        return Dependency(name=name, state=without, detail="no answer in time")
    return Dependency(name=name, state=DependencyState.OK, detail=detail or "")


async def _queued(services: Services) -> str:
    waiting, running = await services.queue.depth()
    return f"{waiting} waiting, {running} running"


async def _open_an_index(services: Services) -> str:
    """Open one tenant's index, whosever it is: the engine works or it doesn't. One that alone is damaged takes nobody else's away."""
    async with services.database.directory() as directory:
        tenants = await directory.list_tenants(_TRIED)
    for number, tenant in enumerate(tenants, 1):
        try:
            index = await services.indexes.open(tenant.company_id)
            await index.frequencies(())
        except AppError:
            if number == len(tenants):
                raise
        else:
            return ""
    return "no tenant yet"


def _of_circuit(circuit: CircuitView) -> Dependency:
    """A model that is left alone: search and sync work, what needs it waits or goes to another."""
    state = circuit.state
    detail = f"open, tried again in {circuit.seconds:.0f} s" if state is CircuitState.OPEN else state.value
    well = DependencyState.OK if state is CircuitState.CLOSED else DependencyState.LOW
    return Dependency(name=f"circuit:{circuit.provider}/{circuit.model}", state=well, detail=detail)
