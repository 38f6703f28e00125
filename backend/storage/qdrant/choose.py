"""The index that the settings name: embedded in the one process that runs jobs, or a Qdrant server for any number of them."""

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from backend.core.model.search import Makers
from backend.core.ports.database import Database
from backend.observability.logging import register_secret
from backend.settings import Settings
from backend.settings_index import VectorLayout, VectorType
from backend.storage.qdrant.absent import AbsentIndexes
from backend.storage.qdrant.changes import MarkedChanges
from backend.storage.qdrant.client import ClientIndexes
from backend.storage.qdrant.edge import EdgeIndexes
from backend.storage.qdrant.server import Layout

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient


@dataclass(frozen=True, slots=True)
class ChosenIndexes:
    """The indexes, and how to make sure that this process alone writes them; None where others may."""

    indexes: EdgeIndexes | ClientIndexes | AbsentIndexes
    claim: Callable[[], Awaitable[None]] | None


def choose_indexes(settings: Settings, makers: Makers, database: Database | None = None) -> ChosenIndexes:
    """What the settings ask for; nothing is opened or called yet.

    In the database stands for all processes when an index on a server was changed; without one nothing may be written to it.
    """
    if settings.vector_type is VectorType.SERVER:
        changes = None if database is None else MarkedChanges(database)
        layout = Layout(
            on_disk=settings.qdrant_on_disk,
            quantized=settings.qdrant_quantized,
            shared=settings.vector_layout is VectorLayout.SHARED,
            apart=settings.vector_layout_exceptions,
        )
        return ChosenIndexes(ClientIndexes(partial(_client, settings), makers, layout, changes=changes), None)
    if not settings.run_jobs:
        return ChosenIndexes(AbsentIndexes(makers), None)
    embedded = EdgeIndexes(settings.data_dir / "index", makers, max_open=settings.index_open)
    return ChosenIndexes(embedded, partial(asyncio.to_thread, embedded.shards.claim))


def _client(settings: Settings) -> "AsyncQdrantClient":
    key = None if settings.qdrant_api_key is None else settings.qdrant_api_key.get_secret_value()
    if key is not None:
        register_secret(key)
    return connect(str(settings.qdrant_url), key, settings.qdrant_timeout_seconds)


def connect(url: str, api_key: str | None, timeout: int = 10) -> "AsyncQdrantClient":
    """A client of a server, which is called at first use."""
    from qdrant_client import AsyncQdrantClient  # noqa: PLC0415 - importing it takes more than a second

    with warnings.catch_warnings():
        # Within a cluster a server is often called without TLS; whether that is right the operator knows.
        warnings.filterwarnings("ignore", message="Api key is used with an insecure connection")
        return AsyncQdrantClient(url=url, api_key=api_key, timeout=timeout, check_compatibility=False)
