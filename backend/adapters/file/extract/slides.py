"""Read PPTX: a page per slide with its title as heading, tables and diagrams, and the speaker's notes."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from backend.adapters.file.extract.collector import Collector, row_text
from backend.adapters.file.extract.guard import check_archive
from backend.core.errors import AppError, Code

_MAIN: Final = "ppt/presentation.xml"
_TITLES: Final = frozenset({"title", "ctrTitle"})
_FURNITURE: Final = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})
"""Placeholders that say the same on every slide: date, footer, header, number."""
_BLANK: Final = re.compile(r"\s+")


def read_slides(path: Path, name: str, into: Collector) -> None:
    """Every shown slide in the order of the presentation. Raises ATTACHMENT_UNREADABLE, _ENCRYPTED or _TOO_LARGE.

    The parts are those of ECMA-376 (https://ecma-international.org/publications-and-standards/standards/ecma-376/), in either of
    its two sets of namespaces: names are compared without them.
    """
    check_archive(path, name)
    from lxml.etree import LxmlError  # noqa: PLC0415 - loaded for Office files only

    try:
        with zipfile.ZipFile(path) as archive:
            deck = _Deck(archive)
            for number, part in enumerate(deck.slides(), 1):
                if not _read_slide(deck, part, number, into):
                    return
    except (LxmlError, zipfile.BadZipFile, zipfile.LargeZipFile, KeyError, ValueError, OSError, EOFError, NotImplementedError) as error:
        raise AppError(Code.ATTACHMENT_UNREADABLE, f"{name} is damaged: {type(error).__name__}.") from error


def _read_slide(deck: "_Deck", part: str, number: int, into: Collector) -> bool:
    """Take one slide; False where the limit is reached. A hidden slide keeps its number and says nothing."""
    slide = deck.xml(part)
    if slide.get("show") in ("0", "false"):
        return True
    title, lines = _shapes(slide)
    related = deck.related(part)
    for diagram in related.get("diagramData", ()):
        lines += _paragraphs(deck.xml(diagram))
    notes = [line for each in related.get("notesSlide", ()) for line in _shapes(deck.xml(each))[1]]
    if not into.add("\n".join(lines) or title, page=number, heading=title):
        return False
    return into.add("\n".join(notes), page=number, heading=f"{title} > Notes" if title else "Notes")


class _Deck:
    """The parts of a presentation, and which of them belong together."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        from lxml import etree  # noqa: PLC0415 - loaded for Office files only

        self._archive = archive
        self._names = frozenset(archive.namelist())
        # What is read is hostile: no entity is resolved, nothing is fetched, and the depth and size of a text stay limited.
        self._parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
        self._parse = etree.fromstring

    def xml(self, part: str) -> Any:
        """The root of a part."""
        return self._parse(self._archive.read(part), self._parser)

    def slides(self) -> list[str]:
        """The slides' parts, in order."""
        targets = {key: part for key, _, part in self._relations(_MAIN)}
        keys = [_attribute(entry, "id", of_relation=True) for entry in self.xml(_MAIN).iter() if _tag(entry) == "sldId"]
        return [targets[key] for key in keys if targets.get(key) in self._names]

    def related(self, part: str) -> dict[str, list[str]]:
        """What belongs to a part, by the last word of the relation's type."""
        found: dict[str, list[str]] = {}
        for _, kind, target in self._relations(part):
            if target in self._names:
                found.setdefault(kind, []).append(target)
        return found

    def _relations(self, part: str) -> Iterator[tuple[str, str, str]]:
        folder, _, file = part.rpartition("/")
        rels = f"{folder}/_rels/{file}.rels"
        if rels not in self._names:
            return
        for entry in self.xml(rels):
            if _tag(entry) != "Relationship" or entry.get("TargetMode") == "External":
                continue
            target = entry.get("Target", "")
            place = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            yield entry.get("Id", ""), entry.get("Type", "").rpartition("/")[2], place


def _shapes(root: Any) -> tuple[str, list[str]]:
    """The title, and the lines of all other shapes in their order."""
    title, lines = "", []
    for shape in root.iter():
        kind = _tag(shape)
        if kind == "sp":
            role = next((_attribute(entry, "type") for entry in shape.iter() if _tag(entry) == "ph"), "")
            if role in _FURNITURE:
                continue
            said = _paragraphs(shape)
            if role in _TITLES and not title:
                title = _BLANK.sub(" ", " ".join(said)).strip()
            else:
                lines += said
        elif kind == "tbl":
            lines += filter(None, (_row(row) for row in shape if _tag(row) == "tr"))
    return title, lines


def _row(row: Any) -> str:
    # A merged cell is told once: the cells it covers are there, empty, and say that they are covered.
    cells = [cell for cell in row if _tag(cell) == "tc" and not (_attribute(cell, "hMerge") or _attribute(cell, "vMerge"))]
    return row_text([" ".join(_paragraphs(cell)) for cell in cells])


def _paragraphs(root: Any) -> list[str]:
    """The paragraphs with words in them."""
    found = []
    for paragraph in root.iter():
        if _tag(paragraph) == "p":
            text = "".join("\n" if _tag(run) == "br" else _text(run) for run in paragraph.iter() if _tag(run) in ("t", "br"))
            if text.strip():
                found.append(text.strip())
    return found


def _text(run: Any) -> str:
    """Its words, also those behind an entity that was not resolved."""
    return (run.text or "") + "".join(inner.tail or "" for inner in run)


def _tag(element: Any) -> str:
    """The name without its namespace; nothing for what is no element, such as an entity that was not resolved."""
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


def _attribute(element: Any, name: str, *, of_relation: bool = False) -> str:
    """An attribute: with `of_relation` the one of the relations' namespace, for `sldId` has an `id` of its own too."""
    if not of_relation:
        return str(element.get(name) or "")
    return next((str(value) for key, value in element.items() if key.endswith(f"}}{name}")), "")
