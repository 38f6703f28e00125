"""Solutions of an account export: a category with its folders, and the articles in them."""

from collections.abc import Iterator, Mapping
from typing import Any

from backend.adapters.freshdesk.exported import unwrapped
from backend.adapters.freshdesk.fields import Record, ident, number, records_of, text
from backend.adapters.freshdesk.normalize_article import Folder
from backend.core.errors import AppError


def articles_in(category: Record) -> Iterator[tuple[Folder, Record]]:
    """The articles of a category, each with its folder. Raises SOURCE_MALFORMED."""
    folders = [unwrapped(each) for each in records_of(category.get("all_folders") or category.get("folders"), "all_folders")]
    by_id = {ident(folder, "id"): folder for folder in folders}
    for folder in folders:
        place = Folder(
            folder_id=number(folder, "id") or 0,
            path=_path(folder, by_id),
            category=text(category, "name"),
            visibility=_visibility(folder),
        )
        for article in records_of(folder.get("articles"), "articles"):
            yield place, unwrapped(article)


def canned_in(folder: Record) -> list[Record]:
    """The canned responses of a folder. Raises SOURCE_MALFORMED."""
    # Personal ones are an agent's own notes and no knowledge of the company.
    if folder.get("personal") is True:
        return []
    return [unwrapped(each) for each in records_of(folder.get("canned_responses"), "canned_responses")]


def _visibility(folder: Record) -> int:
    """0, which is for agents only, where it says nothing that can be."""
    try:
        return number(folder, "visibility") or 0
    except AppError:
        return 0


def _path(folder: Record, by_id: Mapping[str | None, Record]) -> str:
    """The way to a folder; one that leads in a circle ends."""
    names: list[str] = []
    seen: set[Any] = set()
    at: Record | None = folder
    while at is not None and ident(at, "id") not in seen:
        seen.add(ident(at, "id"))
        names.insert(0, text(at, "name"))
        at = by_id.get(ident(at, "parent_folder_id") or "none")
    return " / ".join(filter(None, names))
