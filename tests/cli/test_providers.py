"""`desklore providers`: a company's own models on the command line; keys come from a file or standard input, and are never shown."""

import io
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Desklore, World
from tests.support.openai_server import KEY, OpenAIServer


def test_a_model_is_brought_shown_and_taken_back(
    world: World, company: str, desklore: Desklore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(f"{KEY}\nnot this\n", encoding="utf-8")
    with OpenAIServer() as server:
        chosen = ("generate", "openai", "their-model", "--base-url", server.base_url)
        done = desklore("providers", "set", *chosen, "--key-file", str(tmp_path / "key"))
        assert done.code == 0, done
        assert "openai:their-model" in done.out
        assert "nothing else" in done.out
        assert server.requests[-1].authorization == KEY
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        again = desklore("providers", "set", *chosen, "--fallback", "--json").document["items"]
        own = next(each["own"] for each in again if each["role"] == "generate")
        assert (own["has_key"], own["fallback"]) == (True, True)
        monkeypatch.setattr(sys, "stdin", io.StringIO("sk-wrong-0123456789\n"))
        wrong = desklore("providers", "set", *chosen, "--json")
        assert (wrong.code, wrong.document["error"]["code"]) == (6, "llm_credentials_rejected")
        assert "the installation's" in desklore("providers", "show").out
        shown = desklore("providers", "show", "--json").out
        assert KEY not in shown
        assert "sk-wrong" not in wrong.out + wrong.err + shown
    cleared = desklore("providers", "clear", "generate", "--json").document["items"]
    assert [each["own"] for each in cleared] == [None] * 4
    assert KEY not in world.log.getvalue()
    assert "sk-wrong" not in world.log.getvalue()


def test_what_is_wrong_is_told(company: str, desklore: Desklore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desklore("providers", "set", "generate", "offline", "--json").code == 0
    assert desklore("providers", "set", "sing", "offline").code == 2
    assert desklore("providers", "set", "generate", "openai", "m", "--key-file", str(tmp_path / "none")).code == 2
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    assert "no key" in desklore("providers", "set", "generate", "openai", "m", "--key-file", str(tmp_path / "empty")).err
    monkeypatch.setattr(sys, "stdin", io.StringIO("sk-some-0123456789\n"))
    private = desklore("providers", "set", "generate", "openai", "m", "--base-url", "https://10.0.0.1/v1", "--json")
    assert (private.code, private.document["error"]["code"]) == (2, "host_not_allowed")
    vectors = desklore("providers", "set", "embed", "offline")
    assert (vectors.code, "embed" in vectors.err) == (2, True)
