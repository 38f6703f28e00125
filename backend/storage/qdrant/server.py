"""Calls that make collections on a Qdrant server and name them, and the client's failures as ours."""

import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from backend.core.errors import AppError, Code
from backend.core.model.search import Makers
from backend.storage.qdrant import collections
from backend.storage.qdrant.collections import DENSE, SPARSE

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

log = structlog.get_logger(__name__)

MAKERS_KEY: Final = "desklore_makers"
"""Where a collection says what made its vectors."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a server keeps new collections."""

    on_disk: bool = False
    quantized: bool = False
    shared: bool = False
    """Whether tenants share a collection."""
    apart: frozenset[str] = frozenset()
    """Those for whom it is the other way round."""

    def shares(self, company_id: str) -> bool:
        """Whether this tenant's new points go into a shared collection."""
        return self.shared is not (company_id in self.apart)


async def point_alias(client: "AsyncQdrantClient", alias: str, name: str) -> None:
    """Let the alias name this collection; both operations take effect together."""
    # Loaded when a server is talked to, here and below: the embedded mode never needs the client.
    from qdrant_client import models  # noqa: PLC0415

    operations: list[Any] = []
    if any(known.alias_name == alias for known in (await client.get_aliases()).aliases):
        operations.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
    operations.append(models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=alias)))
    await client.update_collection_aliases(operations)


async def remove_alias(client: "AsyncQdrantClient", alias: str) -> None:
    """Let the alias name nothing."""
    from qdrant_client import models  # noqa: PLC0415 - as above

    if any(known.alias_name == alias for known in (await client.get_aliases()).aliases):
        gone = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
        await client.update_collection_aliases([gone])


async def make(client: "AsyncQdrantClient", name: str, creating: Callable[[], Awaitable[Any]]) -> None:
    """Create a collection, which another process may be doing at this moment."""
    from qdrant_client.http.exceptions import ApiException  # noqa: PLC0415 - as above

    try:
        await creating()
    except (ApiException, ValueError):
        if not await client.collection_exists(name):
            raise


async def create(client: "AsyncQdrantClient", name: str, makers: Makers, layout: Layout, *, shared: bool = False) -> None:
    """Make a collection with its payload indexes; a shared one is laid out by tenant, and weighs no terms itself.

    https://qdrant.tech/documentation/guides/multiple-partitions/
    """
    from qdrant_client import models  # noqa: PLC0415 - as above

    int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
    quantized = models.ScalarQuantization(scalar=int8) if layout.quantized else None
    vectors = models.VectorParams(
        size=makers.dimension, distance=models.Distance.COSINE, on_disk=layout.on_disk, quantization_config=quantized
    )
    dense = {DENSE: vectors} if makers.dense else {}
    modifier = None if shared else models.Modifier.IDF
    graphs = models.HnswConfigDiff(m=0, payload_m=16) if shared else None
    sparse = {SPARSE: models.SparseVectorParams(modifier=modifier, index=models.SparseIndexParams(on_disk=layout.on_disk))}
    await client.create_collection(
        name, vectors_config=dense, sparse_vectors_config=sparse, hnsw_config=graphs, metadata={MAKERS_KEY: msgspec.to_builtins(makers)}
    )
    kinds: dict[str, Any] = dict.fromkeys(collections.KEYWORD_FIELDS, models.PayloadSchemaType.KEYWORD)
    kinds |= dict.fromkeys(collections.NUMBER_FIELDS, models.PayloadSchemaType.FLOAT)
    if shared:
        of_tenants = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        kinds = {collections.COMPANY_FIELD: of_tenants, **kinds}
    with warnings.catch_warnings():
        # The client's in-memory mode says that it needs no payload index; a server does.
        warnings.filterwarnings("ignore", message="Payload indexes have no effect")
        for key, kind in kinds.items():
            await client.create_payload_index(name, key, kind, wait=True)


async def index_field(client: "AsyncQdrantClient", name: str, field: str) -> None:
    """Have an older collection index a field it did not have yet; where it does, nothing happens."""
    from qdrant_client import models  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Payload indexes have no effect")
        await client.create_payload_index(name, field, models.PayloadSchemaType.KEYWORD, wait=True)


@asynccontextmanager
async def told() -> AsyncIterator[None]:
    """Turn the client's failures into ours."""
    from qdrant_client.http.exceptions import ApiException  # noqa: PLC0415 - as above

    try:
        yield
    except (ApiException, OSError, RuntimeError) as error:
        if "No space left" in str(error):
            raise AppError(Code.STORAGE_FULL) from error
        # What the server said is for the log: callers read the message.
        log.warning("qdrant_failed", error=repr(error), said=str(error)[:500])
        status = getattr(error, "status_code", None)
        why = "does not answer" if status is None else f"answers HTTP {status}"
        raise AppError(Code.INDEX_UNAVAILABLE, f"The Qdrant server {why}; ask again in a moment.") from error
