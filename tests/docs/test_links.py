"""Links and file names in the documentation lead somewhere."""

import re
from pathlib import Path

import pytest

from tools.tree import ROOT

PAGES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for name in re.findall(r"`((?:backend|tests|tools|sandbox|bench|docs|config)/[\w./-]+)`", prose):
        if "acmedesk" not in name:
            assert (ROOT / name).exists(), f"{page} names {name}"
