"""Every setting, typed, read once from the environment; refuses a production start with a missing secret.

`docs/settings.md` and `config/.env.example` name the same settings; a test keeps the three equal.
"""

from enum import StrEnum
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from backend.settings_api import ApiSettings
from backend.settings_aws import KeepingSettings, MasterKeySource
from backend.settings_file import FileSettings
from backend.settings_files import FilesSettings
from backend.settings_index import IndexSettings
from backend.settings_logs import LogSettings
from backend.settings_models import ModelSettings


class Environment(StrEnum):
    """Where it runs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class StorageType(StrEnum):
    """Where records live."""

    FILE = "file"
    POSTGRESQL = "postgresql"


class QueueType(StrEnum):
    """Where jobs wait, and what processes share."""

    MEMORY = "memory"
    REDIS = "redis"


class TokenizerName(StrEnum):
    """How Korean is cut into terms."""

    BIGRAM = "bigram"
    KIWI = "kiwi"


class Settings(KeepingSettings, IndexSettings, ModelSettings, LogSettings, ApiSettings, FilesSettings, FileSettings):
    """Set by environment variables with the prefix `DESKLORE_`, or in a file `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="DESKLORE_",
        env_file=".env",
        extra="ignore",
        populate_by_name=True,
        env_ignore_empty=True,
        # What was given may be a secret, and errors end in logs.
        hide_input_in_errors=True,
    )

    environment: Environment = Field(Environment.DEVELOPMENT, description="`production` refuses to start without the secrets below.")
    data_dir: Path = Field(Path("data"), description="Everything the embedded mode keeps lies under this folder.")
    host: str = Field("127.0.0.1", description="Address the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the API listens on.")

    operator_key: SecretStr | None = Field(
        None, description="Key of the operator, at least 24 characters. In development one is made and kept in the data folder."
    )
    master_keys: SecretStr | None = Field(
        None,
        description="Comma-separated `id:base64 of 32 bytes`; the first seals, all open. In development one is made in the data folder.",
    )
    jwt_secret: SecretStr | None = Field(
        None, description="Signs access tokens, at least 32 characters. In development one is made and kept in the data folder."
    )
    key_pepper: SecretStr | None = Field(
        None, description="Mixed into the hash of API keys, at least 32 characters. In development one is made and kept in the data folder."
    )
    token_minutes: int = Field(60, ge=1, le=1440, description="How long an access token is valid.")

    storage_type: StorageType = Field(
        StorageType.FILE,
        validation_alias=AliasChoices("DESKLORE_STORAGE_TYPE", "STORAGE_TYPE"),
        description="`file`: SQLite, files and the embedded index under the data folder. `postgresql`: records in PostgreSQL.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="Where PostgreSQL is, such as `postgresql://desklore_app:…@db:5432/desklore?sslmode=verify-full`: "
        "a role that neither owns the tables nor has BYPASSRLS.",
    )
    database_migration_url: SecretStr | None = Field(
        None, description="The same database as the role that owns the tables and migrates them; empty: `DATABASE_URL`'s."
    )
    database_pool_size: int = Field(20, ge=1, le=500, description="Connections of this process to PostgreSQL at most.")

    queue_type: QueueType = Field(
        QueueType.MEMORY,
        description="`memory`: one process does everything; `redis`: any number of `desklore worker` and API processes share jobs, "
        "helpdesk quotas, caches and rate limits.",
    )
    redis_url: SecretStr | None = Field(
        None, description="`redis://`, `rediss://` or `unix://` address of Redis; needed where `DESKLORE_QUEUE_TYPE` is `redis`."
    )
    run_jobs: bool = Field(True, description="Whether `desklore up` runs jobs itself; `false` leaves them to `desklore worker`.")
    worker_port: int | None = Field(None, ge=0, le=65535, description="Port at which `desklore worker` answers probes; empty: none.")
    job_lease_seconds: float = Field(
        10.0, ge=1, le=300, description="With Redis: what a killed process ran is taken over by another one after so long."
    )

    connector_host_allowlist: str = Field(
        "", description="Hosts (`host` or `host:port`, comma-separated) that a connection's base URL may name besides the platform's own."
    )
    connector_concurrency: int = Field(
        24,
        ge=1,
        le=100,
        description="The most calls to one helpdesk account at once: ten to begin with, more while it keeps up and its quota is large, "
        "fewer while it is slow; a person who waits may use two more.",
    )
    connector_reserved_share: float = Field(
        0.1,
        ge=0,
        le=0.9,
        description="Share of a helpdesk's quota left to the company's other integrations for as long as they can still use it; "
        "what they have not used when a window ends is spent.",
    )
    connector_timeout_seconds: float = Field(30.0, gt=0, description="How long one call to a helpdesk may take.")
    connector_attempts: int = Field(5, ge=1, le=20, description="How often a call that may work later is tried before the run waits.")
    failed_share: float = Field(
        0.2, gt=0, le=1, description="A run fails when more than this share of its items can't be taken (and at least 10)."
    )
    delete_share: float = Field(
        0.15,
        ge=0,
        le=1,
        description="When more than this share of a connection's tickets or articles seem gone without a trace (and at least 10), "
        "nothing is deleted until an admin agrees; 1: always delete.",
    )

    scheduled_runs: int = Field(
        8, ge=1, le=10_000, description="The schedule starts no run while so many that it started are queued or running, over all tenants."
    )
    reconcile_days: int = Field(
        7,
        ge=0,
        le=365,
        description="Every so many days a scheduled sync lists everything to find what vanished without a trace; 0: never.",
    )

    stalled_minutes: float = Field(10.0, gt=0, description="A running sync without a sign of life for so long is taken up again.")
    attachment_max_bytes: int = Field(20_000_000, ge=1, description="Larger attachments are listed but not stored.")
    import_max_bytes: int = Field(20_000_000_000, ge=1_000, description="Larger account exports are refused.")
    attachment_text_max_chars: int = Field(200_000, ge=1_000, description="At most so much text is taken from one attachment.")
    attachment_seconds: float = Field(30.0, gt=0, description="How long reading one attachment may take before its process is killed.")
    attachment_memory_mb: int = Field(1024, ge=128, description="Memory the process that reads attachments may use.")

    summarize_model: str = Field(
        "offline", description="Writes the summaries: `offline`, `openai:<model>`, `anthropic:<model>` or `google:<model>`."
    )
    generate_model: str = Field("offline", description="Writes answers and replies; named likewise.")
    reason_model: str = Field(
        "offline", description="Judges which of the best hits answer a question, where `RERANK_HITS` is above 0; named likewise."
    )
    summarize_fallback: str | None = Field(
        None, description="Model that summarizes where `SUMMARIZE_MODEL` is down, named likewise; empty: none."
    )
    generate_fallback: str | None = Field(None, description="Model that writes where `GENERATE_MODEL` is down; likewise.")
    reason_fallback: str | None = Field(None, description="Model that judges where `REASON_MODEL` is down; likewise.")
    embed_model: str = Field("offline", description="`offline` or `openai:<model>`: makes the vectors.")
    embed_dimension: int | None = Field(None, ge=8, le=8192, description="Length of the vectors; empty: the model's own, asked for once.")
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DESKLORE_OPENAI_API_KEY", "OPENAI_API_KEY"),
        description="Key for OpenAI or the compatible server.",
    )
    openai_base_url: str | None = Field(
        None,
        validation_alias=AliasChoices("DESKLORE_OPENAI_BASE_URL", "OPENAI_BASE_URL"),
        description="Base URL of an OpenAI-compatible server, such as `http://127.0.0.1:11434/v1`; empty: OpenAI.",
    )
    embed_base_url: str | None = Field(None, description="Base URL for embeddings where it is another server than `OPENAI_BASE_URL`.")
    embed_api_key: SecretStr | None = Field(None, description="Key for embeddings where it is another than `OPENAI_API_KEY`.")
    llm_timeout_seconds: float = Field(60.0, gt=0, description="How long one call to a model may take.")
    llm_attempts: int = Field(3, ge=1, le=10, description="How often a call to a model is tried.")
    llm_concurrency: int = Field(8, ge=1, le=200, description="Calls to a model at once.")
    llm_circuit_failures: int = Field(
        5, ge=1, le=100, description="Failures in a row after which a provider's model is left alone for a while."
    )
    llm_circuit_seconds: float = Field(
        20.0, gt=0, le=300, description="How long at first; twice as long after each try that fails, unless the provider says when."
    )
    llm_prices: str = Field(
        "", description="US dollars per million tokens, `model=input/output`, comma-separated; models without a price count tokens only."
    )

    tokenizer: TokenizerName = Field(
        TokenizerName.BIGRAM, description="`bigram` (no memory) or `kiwi` (Korean morphemes, about 0.5 GB; needs the extra `korean`)."
    )
    dense_weight: float | None = Field(
        None,
        ge=0,
        le=10,
        description="Weight of the dense vectors in the fusion; empty: 1 for a semantic model, 0 for the offline stand-in.",
    )
    sparse_weight: float = Field(1.0, ge=0, le=10, description="Weight of the term matches in the fusion.")
    half_life_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="After so many days without a change a document has lost half of the 30 % that age can take from its score; "
        "0: age takes nothing.",
    )
    rerank_hits: int = Field(
        0,
        ge=0,
        le=30,
        description="So many of the best hits are judged again by the reason model, or by `RERANK_MODEL`; one call a question; 0: none.",
    )
    answer_min_coverage: float = Field(
        0.6,
        ge=0,
        le=4,
        description="How firmly a source's words must speak for an answer, where semantic vectors don't (docs/evaluation.md). "
        "A tenant's own calibration goes before it.",
    )
    answer_min_cosine: float = Field(
        0.35, ge=-1, le=1, description="Cosine a source must reach for an answer with semantic vectors; likewise."
    )
    question_max_chars: int = Field(4_000, ge=100, description="Longer questions are refused with a clear error.")
    question_vector_seconds: float = Field(
        5.0,
        gt=0,
        le=60,
        description="So long a search waits for a provider's vector of its question; then the question's words alone find what is there.",
    )
    init_wait_seconds: float = Field(
        2.0, ge=0, le=60, description="So long a request for an unknown ticket waits for the helpdesk; then it is told to ask again."
    )
    briefs_ahead: int = Field(
        50,
        ge=0,
        le=500,
        description="So many open tickets of each company, last updated first, have their briefs made before an agent opens them "
        "(docs/copilot.md); no model is asked for it. 0: none.",
    )
    compute_processes: int | None = Field(
        None, ge=0, le=32, description="Processes for work that only needs a processor; empty: 2, or none on a single core."
    )
    job_concurrency: int = Field(
        4,
        ge=1,
        le=64,
        description="Long syncs at once in this process, beside them as many jobs that make documents searchable, and half as many quick "
        "ones; a company that has no such job running gets one beyond, up to twice as many.",
    )

    @model_validator(mode="after")
    def _refuse_a_queue_that_nobody_serves(self) -> "Settings":
        if self.queue_type is QueueType.REDIS and self.redis_url is None:
            raise ValueError("DESKLORE_QUEUE_TYPE=redis needs DESKLORE_REDIS_URL")
        if self.queue_type is QueueType.MEMORY and not self.run_jobs:
            raise ValueError("DESKLORE_RUN_JOBS=false needs DESKLORE_QUEUE_TYPE=redis and a `desklore worker`")
        return self

    @field_validator("database_url", "database_migration_url")
    @classmethod
    def _of_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgresql+asyncpg://")):
            raise ValueError("must begin with postgresql:// (or postgresql+asyncpg://)")
        return value

    @model_validator(mode="after")
    def _know_the_database(self) -> "Settings":
        if self.storage_type is StorageType.POSTGRESQL and self.database_url is None:
            raise ValueError("STORAGE_TYPE=postgresql needs DESKLORE_DATABASE_URL, such as postgresql://desklore_app:…@db:5432/desklore")
        return self

    @model_validator(mode="after")
    def _refuse_bad_production(self) -> "Settings":
        """A production start with a missing or weak secret would be unsafe or lose every secret at the next start."""
        if self.environment is not Environment.PRODUCTION:
            return self
        wanted = {"OPERATOR_KEY": (self.operator_key, 24)}
        wanted |= {"MASTER_KEYS": (self.master_keys, 44)} if self.master_key_source is MasterKeySource.ENVIRONMENT else {}
        wanted |= {"JWT_SECRET": (self.jwt_secret, 32), "KEY_PEPPER": (self.key_pepper, 32)}
        bad = [
            f"DESKLORE_{name} (at least {least} characters)"
            for name, (value, least) in wanted.items()
            if value is None or len(value.get_secret_value()) < least or "change" in value.get_secret_value().lower()
        ]
        if bad:
            raise ValueError("production needs these settings, none of them a placeholder: " + ", ".join(bad))
        return self

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """The operator's allow-list as `host` or `host:port`, lower case."""
        return frozenset(entry.strip().lower() for entry in self.connector_host_allowlist.split(",") if entry.strip())
