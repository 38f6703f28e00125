"""The embedded index as a process sees it that does not hold it."""

from collections.abc import Collection
from typing import NoReturn

from backend.core.errors import AppError, Code
from backend.core.model.search import Makers


class AbsentIndexes:
    """Indexes of a process that leaves jobs to `desklore worker`, which holds the embedded index alone.

    Every method about a tenant raises INDEX_UNAVAILABLE.
    """

    def __init__(self, makers: Makers) -> None:
        self.makers = makers

    async def makers_of(self, company_id: str) -> NoReturn:
        """What made the index that is searched."""
        raise _away(company_id)

    async def open(self, company_id: str) -> NoReturn:
        """The index that is searched."""
        raise _away(company_id)

    async def held(self, company_id: str) -> NoReturn:
        """How many Documents it has."""
        raise _away(company_id)

    async def untidy(self, company_ids: Collection[str]) -> list[str]:
        """None that this process could tidy."""
        del company_ids
        return []

    async def building(self, company_id: str) -> NoReturn:
        """The index that is built."""
        raise _away(company_id)

    async def switch(self, company_id: str) -> NoReturn:
        """Search the other one."""
        raise _away(company_id)

    async def tidy(self, company_id: str) -> NoReturn:
        """Delete what is not used."""
        raise _away(company_id)

    async def drop(self, company_id: str) -> NoReturn:
        """Delete everything."""
        raise _away(company_id)

    async def close(self) -> None:
        """There is nothing to let go of."""


def _away(company_id: str) -> AppError:
    return AppError(
        Code.INDEX_UNAVAILABLE,
        "The embedded index belongs to the one process that runs jobs. Set DESKLORE_RUN_JOBS=true and start no `desklore worker`, "
        "or use a Qdrant server for several processes.",
        details={"company_id": company_id},
    )
