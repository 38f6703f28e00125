"""The hand-written texts, read from the JSON files beside this module."""

from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

from sandbox.data.model import Problem

HERE = Path(__file__).parent
T = TypeVar("T")


class AgentSpec(msgspec.Struct, frozen=True):
    """One person of the support team."""

    name: str
    mail: str
    group: str
    lang: str
    title: str
    scope: int = 1


class CompanySpec(msgspec.Struct, frozen=True):
    """One seller company."""

    name: str
    domain: str
    lang: str
    industry: str


class People(msgspec.Struct, frozen=True):
    """Who is who, and which names may be made up."""

    agents: list[AgentSpec]
    companies: list[CompanySpec]
    surnames_ko: list[tuple[str, str]]
    given_ko: list[tuple[str, str]]
    first_en: list[str]
    last_en: list[str]
    titles_ko: list[str]
    titles_en: list[str]
    groups: dict[str, str]
    products: dict[str, str]


class Phrases(msgspec.Struct, frozen=True):
    """What support mail is made of besides the problem itself, in one language."""

    greetings: list[str]
    details: list[str]
    urgency: list[str]
    closings: list[str]
    agent_opening: list[str]
    agent_closing: list[str]
    solution_intro: list[str]
    steps_intro: list[str]
    confirm_intro: list[str]
    goodbye: list[str]
    waiting: list[str]
    escalated: list[str]
    progress: list[str]
    reminder: list[str]
    still: list[str]
    out_of_office: str
    forward_intro: str
    forward_answer: str
    merged: str
    disclaimer: str


class AreaSpec(msgspec.Struct, frozen=True):
    """A topic of the help center: a folder, named in both languages."""

    category: str
    ko: str
    en: str
    product: str
    choice: str


class CategorySpec(msgspec.Struct, frozen=True):
    """A shelf of the help center."""

    ko: str
    en: str
    description_ko: str
    description_en: str


class ArticleSpec(msgspec.Struct, frozen=True):
    """A hand-written article that belongs to no recurring problem."""

    folder: str
    title_ko: str
    body_ko: list[str]
    title_en: str
    body_en: list[str]
    status: int = 2


class FolderSpec(msgspec.Struct, frozen=True):
    """A folder of the help center that is not made from an area."""

    key: str
    category: str
    ko: str
    en: str
    visibility: int
    parent: str | None = None


class CannedSpec(msgspec.Struct, frozen=True):
    """A canned response."""

    folder: str
    title: str
    body: list[str]


class Knowledge(msgspec.Struct, frozen=True):
    """The help center and the canned responses."""

    categories: dict[str, CategorySpec]
    areas: dict[str, AreaSpec]
    folders: list[FolderSpec]
    articles: list[ArticleSpec]
    canned: list[CannedSpec]


class Branch(msgspec.Struct, frozen=True):
    """The help center of a further brand."""

    product: str
    """The key of the brand among the products."""
    categories: dict[str, CategorySpec]
    folders: list[FolderSpec]
    articles: list[ArticleSpec]


class Extra(msgspec.Struct, frozen=True):
    """A ticket text that is no support problem: noise or spam."""

    lang: str
    subject: str
    body: list[str]
    reply: str | None = None


class Extras(msgspec.Struct, frozen=True):
    """Noise and spam."""

    noise: list[Extra]
    spam: list[Extra]


def _read(path: Path, kind: type[T]) -> T:
    return msgspec.json.decode(path.read_bytes(), type=kind)


@cache
def problems() -> tuple[Problem, ...]:
    """Every recurring problem, in a stable order."""
    found: list[Problem] = []
    for path in sorted((HERE / "problems").glob("*.json")):
        found += _read(path, list[Problem])
    return tuple(found)


@cache
def _numbers() -> dict[str, int]:
    return {problem.key: number for number, problem in enumerate(problems(), 1)}


def problem_number(problem: Problem) -> int:
    """The problem's place among all, from 1; its article's id follows from it."""
    return _numbers()[problem.key]


@cache
def by_key() -> dict[str, Problem]:
    """The recurring problems by key."""
    return {problem.key: problem for problem in problems()}


@cache
def people() -> People:
    """Names of people and companies."""
    return _read(HERE / "people.json", People)


@cache
def phrases() -> dict[str, Phrases]:
    """The phrases by language, `ko` and `en`."""
    return _read(HERE / "phrases.json", dict[str, Phrases])


@cache
def knowledge() -> Knowledge:
    """Help center and canned responses."""
    return _read(HERE / "knowledge.json", Knowledge)


@cache
def branch() -> Branch:
    """The second brand's help center."""
    return _read(HERE / "branch.json", Branch)


@cache
def extras() -> Extras:
    """Tickets outside the recurring problems."""
    return _read(HERE / "extras.json", Extras)
