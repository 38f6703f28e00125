"""Processes that die at a place a test chooses: in the middle of whatever they do there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from backend.adapters.budgeted import BudgetedModels
from backend.core.ports.blobs import BlobStore, BlobStores
from backend.core.ports.database import Database, UnitOfWork
from backend.core.ports.services import Services


class KilledError(BaseException):
    """What is done here is never ended."""


class _DeadlyDatabase:
    """Whoever begins a transaction too many dies, and so does all that is under way beside it."""

    def __init__(self, database: Database, left: int) -> None:
        self._database = database
        self._left = left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @asynccontextmanager
    async def open(self, company_id: str, *, write: bool = False) -> AsyncIterator[UnitOfWork]:
        self._left -= 1
        if self._left < 0:
            raise KilledError
        async with self._database.open(company_id, write=write) as uow:
            yield uow


class _DeadlyStore:
    """The files of a tenant; whoever asks for a file of the archive once too often dies."""

    def __init__(self, blobs: BlobStore, after: int) -> None:
        self._blobs = blobs
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def get(self, key: str) -> bytes | None:
        if key.startswith("raw/"):
            self._left -= 1
            if self._left < 0:
                raise KilledError
        return await self._blobs.get(key)


@dataclass
class DeadlyStores:
    """BlobStores of which each dies after so many files of the archive."""

    blobs: BlobStores
    after: int

    def open(self, company_id: str) -> BlobStore:
        return _DeadlyStore(self.blobs.open(company_id), self.after)

    async def ping(self) -> None:
        await self.blobs.ping()


def short_lived(services: Services, transactions: int) -> Services:
    """The same services for a process that dies after so many transactions."""
    database: Any = _DeadlyDatabase(services.database, transactions)
    return replace(services, database=database, spending=BudgetedModels(database, services.meter, services.spending.cost_of))
