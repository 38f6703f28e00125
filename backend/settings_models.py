"""Settings of providers of models beside OpenAI: parts of `Settings`, which reads them."""

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings


class NativeModelSettings(BaseSettings):
    """Anthropic, Google, and the provider that is asked where the first one is down."""

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
    fallback_base_url: str | None = Field(
        None, description="Base URL of the second provider, OpenAI-compatible; empty: fall-back models are `OPENAI_BASE_URL`'s."
    )
    fallback_api_key: SecretStr | None = Field(None, description="Key of the second provider.")
