"""Settings of providers of models beside OpenAI, and of answers while they are written: parts of `Settings`, which reads them."""

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings


class NativeModelSettings(BaseSettings):
    """Anthropic, Google, a cross-encoder, and the provider that is asked where the first one is down."""

    anthropic_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DESKLORE_ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY"),
        description="Key for Anthropic's models (extra `anthropic`).",
    )
    anthropic_base_url: str | None = Field(None, description="Base URL for them where it is not Anthropic's own.")
    google_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DESKLORE_GOOGLE_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"),
        description="Key for Google's Gemini models (extra `google`).",
    )
    google_base_url: str | None = Field(None, description="Base URL for them where it is not Google's own.")
    rerank_model: str | None = Field(
        None,
        description="A cross-encoder that judges the best hits in place of the reason model, such as `bge-reranker-v2-m3`; "
        "`RERANK_HITS` says how many.",
    )
    rerank_base_url: str | None = Field(
        None,
        description="Base URL of its server, which is asked at `<base URL>/rerank`, such as `http://infinity:7997`.",
    )
    rerank_api_key: SecretStr | None = Field(None, description="Its key, where it asks for one.")
    rerank_timeout_seconds: float = Field(3.0, gt=0, le=60, description="How long it may take; then the hits stay in the order they had.")
    fallback_base_url: str | None = Field(
        None, description="Base URL of the second provider, OpenAI-compatible; empty: fall-back models are `OPENAI_BASE_URL`'s."
    )
    fallback_api_key: SecretStr | None = Field(None, description="Key of the second provider.")


class AnswerSettings(BaseSettings):
    """Answers and drafts that are streamed."""

    answer_seconds: float = Field(300.0, gt=0, le=3_600, description="A streamed answer that takes longer to write is broken off.")
    answers_at_once: int = Field(
        200, ge=1, le=10_000, description="Streamed answers that one process writes at once, half of them at most for one company."
    )
    stream_kept_seconds: int = Field(
        600, ge=1, le=86_400, description="So long a streamed answer that has ended can be read again (docs/copilot.md)."
    )


class OwnModelSettings(BaseSettings):
    """Models that companies bring themselves."""

    own_providers: bool = Field(
        True,
        description="Whether a company may bring its own provider for a role (`desklore providers`); `false` also stops those it has.",
    )
    provider_host_allowlist: str = Field(
        "",
        description="Hosts (`host` or `host:port`, comma-separated) that a company's own base URL may name though they are private "
        "or speak plain HTTP.",
    )

    @property
    def allowed_provider_hosts(self) -> frozenset[str]:
        """The allow-list as `host` or `host:port`, lower case."""
        return frozenset(entry.strip().lower() for entry in self.provider_host_allowlist.split(",") if entry.strip())


class ModelSettings(OwnModelSettings, AnswerSettings, NativeModelSettings):
    """All of them."""
