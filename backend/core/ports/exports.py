"""Exports of whole companies: where it is kept how they go, and who writes them."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from backend.core.model.export import Export


class ExportStore(Protocol):
    """The tenant's exports."""

    async def put(self, export: Export) -> None:
        """Insert or replace."""
        ...

    async def get(self, export_id: str) -> Export | None:
        """One by id."""
        ...

    async def list(self) -> list[Export]:
        """Newest first."""
        ...

    async def delete(self, export_id: str) -> None:
        """Forget one; nothing where there is none."""
        ...


class Written(Struct, frozen=True, kw_only=True):
    """What is in an export that was written, and how large it is in bytes."""

    rows: dict[str, int]
    files: int
    size: int
    sha256: str


class Exporter(Protocol):
    """Writes down everything that is kept of a company."""

    async def write(self, company_id: str, key: str, tell: Callable[[str, int, int], None]) -> Written:
        """Write a zip among the company's own files; nothing is at `key` until it is whole.

        `tell` is told what is being written, how many rows and files are done, and how many there are; what it raises ends the writing.
        Rows are of one moment. Raises TENANT_NOT_FOUND, STORAGE_FULL and STORAGE_UNAVAILABLE.
        """
        ...
