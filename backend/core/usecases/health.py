"""Whether Desklore can work right now: database, index, models by name, queue."""

import asyncio
from enum import StrEnum

from msgspec import Struct

from backend.core.errors import AppError
from backend.core.ports.llm import CircuitState, CircuitView
from backend.core.ports.services import Services

PROBE_SECONDS = 2.0


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
    """Ask every dependency; costs no call to a model."""
    models = services.models
    return [
        await _probe_database(services),
        await _probe_index(services),
        await _probe_files(services),
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
        await _probe_queue(services),
    ]


async def _probe_queue(services: Services) -> Dependency:
    """Without the queue everything that is stored can be read and found; what is to be done waits for it."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            waiting, running = await services.queue.depth()
    except AppError as error:
        return Dependency(name="queue", state=DependencyState.LOW, detail=error.code.value)
    except TimeoutError:
        return Dependency(name="queue", state=DependencyState.LOW, detail="no answer in time")
    return Dependency(name="queue", state=DependencyState.OK, detail=f"{waiting} waiting, {running} running")


def _of_circuit(circuit: CircuitView) -> Dependency:
    """A model that is left alone: search and sync work, what needs it waits or goes to another."""
    state = circuit.state
    detail = f"open, tried again in {circuit.seconds:.0f} s" if state is CircuitState.OPEN else state.value
    well = DependencyState.OK if state is CircuitState.CLOSED else DependencyState.LOW
    return Dependency(name=f"circuit:{circuit.provider}/{circuit.model}", state=well, detail=detail)


async def _probe_database(services: Services) -> Dependency:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await services.database.ping()
    except AppError as error:
        return Dependency(name="database", state=DependencyState.DOWN, detail=error.code.value)
    except TimeoutError:
        return Dependency(name="database", state=DependencyState.DOWN, detail="no answer in time")
    return Dependency(name="database", state=DependencyState.OK)


async def _probe_files(services: Services) -> Dependency:
    """Without files questions are answered still; syncs wait, and attachments can't be opened."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await services.blobs.ping()
    except AppError as error:
        return Dependency(name="files", state=DependencyState.LOW, detail=error.code.value)
    except TimeoutError:
        return Dependency(name="files", state=DependencyState.LOW, detail="no answer in time")
    return Dependency(name="files", state=DependencyState.OK)


async def _probe_index(services: Services) -> Dependency:
    """Open one tenant's index: the engine works or it doesn't, whosever it is."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            async with services.database.directory() as directory:
                tenants = await directory.list_tenants()
            if not tenants:
                return Dependency(name="index", state=DependencyState.OK, detail="no tenant yet")
            index = await services.indexes.open(tenants[0].company_id)
            await index.frequencies(())
    except AppError as error:
        return Dependency(name="index", state=DependencyState.DOWN, detail=error.code.value)
    except TimeoutError:
        return Dependency(name="index", state=DependencyState.DOWN, detail="no answer in time")
    return Dependency(name="index", state=DependencyState.OK)
