"""The locks: every requirement hashed, no address, nothing of pyproject.toml left out."""

from pathlib import Path

import pytest

from tools.locks import DEV, RUNTIME, UV, check
from tools.tree import ROOT

PROJECT = """
[project]
dependencies = ["One[extra]>=1", "two_parts>=2"]
[project.optional-dependencies]
more = ["three>=3"]
[dependency-groups]
dev = ["four>=4"]
"""
HASH = " \\\n    --hash=sha256:00\n"


def _write(root: Path, **locks: str) -> Path:
    (root / "pyproject.toml").write_text(PROJECT)
    texts = {
        RUNTIME: f"one==1{HASH}two-parts==2{HASH}",
        DEV: f"one==1{HASH}two-parts==2{HASH}three==3{HASH}four==4{HASH}",
        UV: f"uv==1{HASH}",
    }
    for name, text in (texts | locks).items():
        (root / name).write_text(text)
    return root


def test_the_locks_of_this_project_fit_it() -> None:
    assert list(check(ROOT)) == []


def test_fitting_locks_pass(tmp_path: Path) -> None:
    assert list(check(_write(tmp_path))) == []


@pytest.mark.parametrize(
    ("lock", "text", "told"),
    [
        (RUNTIME, f"one==1{HASH}", "lacks two-parts"),
        (UV, "uv==1\n", "not pinned"),
        (UV, f"uv>=1{HASH}", "not pinned"),
        (UV, f"--find-links https://mirror.example\nuv==1{HASH}", "address"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, lock: str, text: str, told: str) -> None:
    assert any(told in finding for finding in check(_write(tmp_path, **{lock: text})))
