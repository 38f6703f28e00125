"""What docs/ repeats of the code is what the code says."""

import re

import pytest

from backend.settings import Settings
from tools import docs
from tools.tree import ROOT

PAGES = {path.relative_to(ROOT).as_posix(): (text, wanted) for path, text, wanted in docs.pages(ROOT)}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_code_says(page: str) -> None:
    text, wanted = PAGES[page]
    assert text == wanted, "run make docs"


def test_every_block_is_on_a_page() -> None:
    shown = {name for text, _ in PAGES.values() for name in re.findall(r"<!-- begin ([a-z-]+) -->", text)}
    assert shown == set(docs.BLOCKS)


def test_the_example_of_the_environment_is_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for line in docs.env_example().splitlines():
        name, _, value = line.removeprefix("#").partition("=")
        if line.startswith("#") and not line.startswith("# "):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(str(tmp_path))
    assert Settings().model_dump() == {name: field.default for name, field in Settings.model_fields.items()}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_means(name: str) -> None:
    assert str(Settings.model_fields[name].description).endswith(".")
