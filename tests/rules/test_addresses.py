"""Addresses of registries and paths of one machine are found, and ordinary links are not."""

from pathlib import Path

import pytest

from tools.addresses import check, machine_pattern

ROOT = Path("/srv/builds/desklore")


@pytest.mark.parametrize(
    "line",
    [
        "https://files.python" + "hosted.org/packages/x.whl",
        '"resolved": "https://registry.npm' + 'js.org/x.tgz"',
        "pip install --index-ur" + "l https://mirror.example/simple x",
        "see /srv/builds/" + "notes.txt",
        "/ho" + "me/someone/project",
        "/roo" + "t/project",
    ],
)
def test_what_does_not_belong_is_found(line: str) -> None:
    assert list(check("docs/a.md", line, machine_pattern(ROOT)))


@pytest.mark.parametrize(
    "line",
    ["https://developers.freshdesk.com/api/#tickets", "GET /api/v1/home/page", "the root/child pair", "$ROOT/srv", "data/home/x"],
)
def test_ordinary_text_is_left_alone(line: str) -> None:
    assert list(check("docs/a.md", line, machine_pattern(ROOT))) == []


def test_a_checkout_directly_under_the_root_matches_nothing_by_its_folder() -> None:
    assert list(check("a.md", "see /etc/hosts and //", machine_pattern(Path("/app")))) == []
