"""Settings of what is written down about the work, and for how long it is kept: parts of `Settings`, which reads them."""

from enum import StrEnum

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    CONSOLE = "console"


class LogSettings(BaseSettings):
    """Log lines, and the logs in the database."""

    log_level: str = Field("INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`.")
    log_format: LogFormat = Field(LogFormat.JSON, description="`json` (one object a line) or `console`.")
    usage_months: int = Field(
        0,
        ge=0,
        le=1_200,
        description="What models cost is kept for so many months before the present one and then dropped by whole months; 0: for ever.",
    )
    audit_months: int = Field(0, ge=0, le=1_200, description="The audit log likewise.")
    answer_months: int = Field(
        0,
        ge=0,
        le=1_200,
        description="Questions and their answers likewise: then nobody can judge an answer any more; thumbs that were given stay.",
    )
    paid_months: int = Field(
        0,
        ge=0,
        le=1_200,
        description="Summaries and vectors that were paid for, kept so that the same text is never paid for twice, likewise: "
        "what is indexed anew after that is paid for again.",
    )
    run_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="Syncs of more than so many days ago are forgotten once they ended, but for the last 20 of a connection; 0: never.",
    )
    export_days: int = Field(
        7,
        ge=1,
        le=365,
        description="An export that a company made of everything that is kept of it is deleted so many days after it was written.",
    )
    archive_days: int = Field(
        7,
        ge=0,
        le=3_650,
        description="Every so many days the sync of a connection takes old payloads out of its archive and puts small files together; "
        "the newest payload of every item stays. 0: never.",
    )
    otel_endpoint: str | None = Field(
        None,
        description="Where traces go: an OTLP/HTTP collector, such as `http://collector:4318/v1/traces` (extra `otel`); empty: none.",
    )
    otel_share: float = Field(1.0, ge=0, le=1, description="Share of the traces that are sent; a caller who traces is always followed.")

    @field_validator("log_level")
    @classmethod
    def _upper(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()
