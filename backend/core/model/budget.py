"""Why a model was called and what it cost."""

from datetime import date
from enum import StrEnum

from msgspec import Struct


class Purpose(StrEnum):
    """Why a model was called; every call names one."""

    SUMMARY = "summary"
    ANSWER = "answer"
    REPLY = "reply"
    REWRITE = "rewrite"
    INTENT = "intent"
    EMBED_DOCUMENT = "embed_document"
    EMBED_QUERY = "embed_query"


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens and money of one or more calls. Offline models use no tokens and cost nothing."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
        )


class UsageRow(Struct, frozen=True, kw_only=True):
    """Usage of one tenant, day, provider, model and purpose."""

    day: date
    provider: str
    model: str
    purpose: Purpose
    usage: Usage
