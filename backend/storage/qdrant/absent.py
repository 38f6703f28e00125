"""The embedded index as a process sees it that does not hold it."""

from typing import NoReturn

from backend.core.errors import AppError, Code


class AbsentIndexes:
    """Indexes of a process that leaves jobs to `desklore worker`, which holds the embedded index alone."""

    async def open(self, company_id: str) -> NoReturn:  # noqa: ARG002 - none is there for anybody
        """Raises INDEX_UNAVAILABLE."""
        raise self._away()

    async def drop(self, company_id: str) -> NoReturn:  # noqa: ARG002
        """Raises INDEX_UNAVAILABLE."""
        raise self._away()

    async def close(self) -> None:
        """There is nothing to let go of."""

    @staticmethod
    def _away() -> AppError:
        return AppError(
            Code.INDEX_UNAVAILABLE,
            "The embedded index belongs to the one process that runs jobs. Set DESKLORE_RUN_JOBS=true and start no `desklore worker`, "
            "or use a Qdrant server for several processes.",
        )
