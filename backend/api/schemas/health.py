"""JSON of health."""

from typing import Literal

from backend.api.schemas.base import Out
from backend.core.usecases.health import DependencyState


class LiveOut(Out):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str


class DependencyOut(Out):
    """One thing we need, and how it is."""

    name: str
    state: DependencyState
    detail: str


class ReadyOut(Out):
    """Whether requests can be served; `degraded`: they can, and somebody should look."""

    status: Literal["ok", "degraded"]
    dependencies: list[DependencyOut]
