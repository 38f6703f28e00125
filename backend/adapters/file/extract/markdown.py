"""Find the headings in Markdown."""

import re
from collections.abc import Iterator
from typing import Final

from backend.core.text.html import Section

_HEADING: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
"""https://spec.commonmark.org/0.31.2/#atx-headings"""
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-+)[ \t]*$")
"""Makes a heading of the line above: https://spec.commonmark.org/0.31.2/#setext-headings."""
_NO_PARAGRAPH: Final = re.compile(r" {0,3}(?:[-*+>|]|\d+[.)])(?:\s|$)| {4}|\t")
"""A line that begins a list, a quote, a table or code is no heading, whatever stands below it."""


def markdown_sections(text: str) -> Iterator[Section]:
    """The text cut at its headings, in order. What is fenced off as code has none."""
    level, heading, lines, fence = 0, "", list[str](), ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark.group(1).startswith(fence) and not line.strip().strip(fence[0]) else fence
        elif mark:
            fence = mark.group(1)
        elif (found := _HEADING.match(line)) and (found.group(2) or "").strip():
            yield Section(level, heading, "\n".join(lines))
            level, heading, lines = len(found.group(1)), found.group(2).strip(), []
            continue
        elif (under := _UNDERLINE.match(line)) and lines and _is_title(lines):
            title = lines.pop().strip()
            yield Section(level, heading, "\n".join(lines))
            level, heading, lines = 1 if under.group(1).startswith("=") else 2, title, []
            continue
        lines.append(line)
    yield Section(level, heading, "\n".join(lines))


def _is_title(lines: list[str]) -> bool:
    """Whether the last line is a paragraph of its own: one line, which is no list, quote, table or code."""
    return bool(lines[-1].strip()) and not _NO_PARAGRAPH.match(lines[-1]) and (len(lines) < 2 or not lines[-2].strip())
