"""Settings of where the search index lies: parts of `Settings`, which reads them."""

from enum import StrEnum

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings


class VectorType(StrEnum):
    """Where the search index lives."""

    EMBEDDED = "embedded"
    SERVER = "server"


class VectorLayout(StrEnum):
    """How companies share a server."""

    OWN = "own"
    SHARED = "shared"


class IndexSettings(BaseSettings):
    """Embedded, or on a Qdrant server."""

    vector_type: VectorType = Field(
        VectorType.EMBEDDED, description="Where the search index lives: `embedded` in the data folder, or `server`: a Qdrant server."
    )
    index_open: int = Field(
        128,
        ge=1,
        le=5_000,
        description="Embedded: so many indexes are kept open. Opening one takes longer than a search; an open one of 1,000 chunks takes "
        "some 8 MB, and 50 of the maps that `vm.max_map_count` allows (`desklore bench tenants` tells).",
    )
    qdrant_url: str | None = Field(None, description="Address of the Qdrant server, such as `http://qdrant:6333`.")
    qdrant_api_key: SecretStr | None = Field(None, description="Its API key, where it asks for one.")
    qdrant_timeout_seconds: int = Field(10, ge=1, le=600, description="How long one call to the Qdrant server may take.")
    qdrant_on_disk: bool = Field(False, description="Keep vectors on the server's disk: less memory, slower search. For new indexes.")
    qdrant_quantized: bool = Field(True, description="Search dense vectors by bytes first, a quarter of the memory. For new indexes.")

    vector_layout: VectorLayout = Field(
        VectorLayout.OWN,
        description="On a Qdrant server: `own`, a collection for each company, or `shared`, one for all: for thousands of small ones.",
    )
    vector_layout_except: str = Field(
        "",
        description="Companies (comma-separated) for which it is the other way round, such as the few large ones beside `shared`. "
        "A company that changes is indexed anew beside, from what is stored, and then switched.",
    )

    @property
    def vector_layout_exceptions(self) -> frozenset[str]:
        """The companies of `vector_layout_except`."""
        return frozenset(name.strip() for name in self.vector_layout_except.split(",") if name.strip())

    @model_validator(mode="after")
    def _know_the_index(self) -> "IndexSettings":
        if self.vector_type is VectorType.SERVER and self.qdrant_url is None:
            raise ValueError("DESKLORE_VECTOR_TYPE=server needs DESKLORE_QDRANT_URL, such as http://qdrant:6333")
        return self
