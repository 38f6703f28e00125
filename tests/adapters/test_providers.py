"""Models by the names in the settings: which there are, what each needs, and what is said where it is missing."""

import sys
from typing import Any

import pytest

from backend.adapters.compute import ProcessCompute
from backend.adapters.offline.embed import HashingEmbedder
from backend.adapters.providers import Providers
from backend.core.errors import AppError, Code
from backend.core.model.personal import Kind
from backend.core.ports.llm import masking_of
from backend.core.text.tokens import make_tokenizer
from backend.observability.metrics import PrometheusMeter
from backend.settings import Settings

KEYS = {"anthropic_api_key": "k-anthropic", "google_api_key": "k-google"}


def providers(**more: Any) -> Providers:
    settings = Settings(_env_file=None, **more)
    return Providers(settings, make_tokenizer("bigram"), PrometheusMeter(), ProcessCompute(0))


def test_each_role_may_have_another_provider() -> None:
    named = {"summarize_model": "anthropic:claude-x", "generate_model": "google:gemini-x", "generate_fallback": "anthropic:claude-x"}
    made = providers(**named, **KEYS)
    models = made.models(HashingEmbedder())
    assert (models.summarize.provider, models.summarize.model) == ("anthropic", "claude-x")
    assert (models.generate.provider, models.generate.model) == ("google", "gemini-x")
    assert models.reason.provider == "offline"
    # The fall-back is the client that summarizes, and has its limit and its circuit breaker.
    assert [(circuit.provider, circuit.model) for circuit in made.circuits] == [("anthropic", "claude-x"), ("google", "gemini-x")]
    assert masking_of(models.summarize)
    assert models.masking_only is not None
    assert masking_of(models.masking_only(frozenset({Kind.EMAIL})).summarize).endswith("-EMAIL")


@pytest.mark.parametrize(("name", "package"), [("anthropic", "langchain_anthropic"), ("google", "langchain_google_genai")])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AppError) as raised:
        providers(summarize_model=f"{name}:m", **KEYS).models(HashingEmbedder())
    assert raised.value.code is Code.INVALID_REQUEST
    assert f"pip install 'desklore[{name}]'" in raised.value.message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("anthropic:m", "ANTHROPIC_API_KEY"),
        ("google:m", "GOOGLE_API_KEY"),
        ("anthropic:", "`anthropic:<model>`"),
        ("mistral:m", "`google:<model>`"),
        ("openai:m", "OPENAI_API_KEY"),
    ],
)
def test_what_is_missing_is_said(name: str, said: str) -> None:
    with pytest.raises(AppError) as raised:
        providers(summarize_model=name).models(HashingEmbedder())
    assert raised.value.code is Code.INVALID_REQUEST
    assert said in raised.value.message


async def test_they_make_no_vectors() -> None:
    with pytest.raises(AppError, match="no vectors"):
        await providers(embed_model="google:m", **KEYS).embedder()


def test_nothing_of_an_extra_is_loaded_to_start() -> None:
    before = set(sys.modules)
    providers(summarize_model="anthropic:m", generate_model="google:m", **KEYS).models(HashingEmbedder())
    assert not {name for name in set(sys.modules) - before if name.startswith(("anthropic", "google.genai", "langchain"))}
