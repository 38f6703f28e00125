"""How others notice that a tenant's index was changed: counted by the one process that has it, or written down for all of them."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from backend.core.errors import AppError, Code
from backend.core.ids import new_id
from backend.core.ports.database import Database
from backend.core.waiting import to_its_end


class Changes(Protocol):
    """Another version before and after every write: what was read meanwhile is neither the old state nor the new one."""

    def of(self, company_id: str) -> AbstractAsyncContextManager[None]:
        """Around a write."""
        ...

    def dropped(self, company_id: str) -> None:
        """All of the tenant's was deleted."""
        ...

    async def version(self, company_id: str) -> str:
        """Another text after each change."""
        ...


class CountedChanges:
    """For an index of one process: counters by tenant. A run of the program never takes up the versions of the one before."""

    def __init__(self) -> None:
        self._run = new_id("run")
        self._counts: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, company_id: str) -> AsyncIterator[None]:
        """Around a write."""
        self._counts[company_id] += 1
        try:
            yield
        finally:
            self._counts[company_id] += 1

    def dropped(self, company_id: str) -> None:
        """All of the tenant's was deleted."""
        self._counts[company_id] += 1

    async def version(self, company_id: str) -> str:
        """Another text after each change."""
        return f"{self._run}/{self._counts[company_id]}"


class MarkedChanges:
    """For an index of several processes: a mark in the database, which is right the moment a write has ended, whoever made it.

    A mark that can't be written fails the write, and the job that made it runs again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def of(self, company_id: str) -> AsyncIterator[None]:
        """Around a write."""
        await self._change(company_id)
        try:
            yield
        finally:
            # Whoever is canceled here may have written half of it.
            await to_its_end(self._change(company_id))

    def dropped(self, company_id: str) -> None:
        """Nothing to do: who drops a tenant's index also forgets its kept results, and may hold its row of the database."""

    async def version(self, company_id: str) -> str:
        """The mark."""
        async with self._database.open(company_id) as uow:
            return await uow.index_marks.get()

    async def _change(self, company_id: str) -> None:
        try:
            async with self._database.open(company_id) as uow:
                await uow.index_marks.change()
        except AppError as error:
            # A late write for a tenant that was deleted meanwhile: nobody asks for its results any more.
            if error.code is not Code.TENANT_NOT_FOUND:
                raise
