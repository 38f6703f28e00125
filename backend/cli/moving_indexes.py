"""What `desklore index move` does, with an installation opened by its settings and without a server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

from backend.core.model.job import Job
from backend.core.model.search import Makers
from backend.settings import Settings
from backend.storage.moving.progress import Progress, Tell
from backend.storage.qdrant.choose import ChosenIndexes, choose_indexes
from backend.storage.qdrant.move import MovedIndex, move_index
from backend.storage.sql.prepare import prepare
from backend.storage.sql.unit_of_work import SqlDatabase


class MovedIndexes(Struct, frozen=True, kw_only=True):
    """What became of it, for --json."""

    companies: list[MovedIndex]
    empty: list[str]
    """Companies that have no index yet."""


async def move_indexes(source: Settings, target: Settings, *, tell: Tell) -> MovedIndexes:
    """Move every company's index from the place that one lot of settings names to that of the other.

    Raises INDEX_UNAVAILABLE while Desklore runs with the embedded index, or where both places don't hold the same in the end.
    """
    database = SqlDatabase(await prepare(source), _send_nothing)
    try:
        async with database.directory() as directory:
            companies = sorted(tenant.company_id for tenant in await directory.list_tenants())
        async with _opened(source, Makers(encoder=""), database) as here:
            made_by = {company: await here.indexes.makers_of(company) for company in companies}
            return MovedIndexes(
                companies=await _move(here, target, {company: makers for company, makers in made_by.items() if makers}, database, tell),
                empty=[company for company, makers in made_by.items() if makers is None],
            )
    finally:
        await database.close()


async def _move(here: ChosenIndexes, target: Settings, made_by: dict[str, Makers], database: SqlDatabase, tell: Tell) -> list[MovedIndex]:
    """Those of the same makers together: a place is opened for one set of makers, and the embedded one only once at a time."""
    progress = Progress(tell)
    progress.expect(len(made_by))
    moved: list[MovedIndex] = []
    for makers in dict.fromkeys(made_by.values()):
        async with _opened(target, makers, database) as there:
            for company in [company for company, its in made_by.items() if its == makers]:
                moved.append(await move_index(company, here.indexes, there.indexes))
                progress.step(company)
    return sorted(moved, key=lambda one: one.company_id)


@asynccontextmanager
async def _opened(settings: Settings, makers: Makers, database: SqlDatabase) -> AsyncIterator[ChosenIndexes]:
    chosen = choose_indexes(settings, makers, database)
    try:
        if chosen.claim is not None:
            await chosen.claim()
        yield chosen
    finally:
        await chosen.indexes.close()


async def _send_nothing(_jobs: Sequence[Job]) -> None:
    """Nobody runs jobs meanwhile, and moving makes none."""
