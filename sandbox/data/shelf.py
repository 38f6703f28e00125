"""The help center and the canned responses, built from the hand-written texts."""

import html
from dataclasses import dataclass, field
from random import Random

from sandbox.data import library
from sandbox.data.evidence import TYPES
from sandbox.data.facts import fill
from sandbox.data.mail import ordered, paragraphs
from sandbox.data.model import Attachment, Json, Problem
from sandbox.data.people import Directory

CATEGORY_BASE = 67_400_000_000
FOLDER_BASE = 67_400_001_000
ARTICLE_BASE = 67_400_010_000
ARTICLE_FILE_BASE = 67_500_000_000
CANNED_FOLDER_BASE = 67_600_000_000
CANNED_BASE = 67_600_001_000
DRAFT, PUBLISHED = 1, 2
#: The account's own language and its translations.
PRIMARY, TRANSLATIONS = "ko", ("en",)
_DAY = 86_400
#: What stands in an article where a ticket has its own facts.
_SAMPLE = {
    "ko": {"order": "해당 주문", "amount": "결제 금액만큼", "date": "최근", "market": "해당 마켓", "count": "여러", "time": "조금 전"},
    "en": {
        "order": "the order",
        "amount": "some",
        "date": "that day",
        "market": "the marketplace",
        "count": "several",
        "time": "that time",
    },
}


@dataclass(slots=True)
class Category:
    """A shelf; names by language."""

    id: int
    key: str
    names: dict[str, str]
    descriptions: dict[str, str]


@dataclass(slots=True)
class Folder:
    """A folder or, with a parent, a subfolder."""

    id: int
    key: str
    category_id: int
    names: dict[str, str]
    #: 1 all, 2 logged in, 3 agents, 4 companies, 5 bots (https://developers.freshdesk.com/api/#solutions).
    visibility: int
    parent_id: int | None = None
    company_ids: tuple[int, ...] = ()


@dataclass(slots=True)
class Translation:
    """An article in one language."""

    title: str
    body: str
    status: int
    updated_at: int


@dataclass(slots=True)
class Article:
    """One logical article with all its translations."""

    id: int
    folder_id: int
    agent_id: int
    kind: int
    tags: tuple[str, ...]
    created_at: int
    hits: int
    texts: dict[str, Translation]
    problem: str | None = None
    attachments: list[Attachment] = field(default_factory=list)


@dataclass(slots=True)
class Canned:
    """A canned response."""

    id: int
    folder_id: int
    title: str
    body: str


@dataclass(slots=True)
class Shelf:
    """Everything of the help center, by id."""

    categories: dict[int, Category]
    folders: dict[int, Folder]
    articles: dict[int, Article]
    canned_folders: dict[int, str]
    canned: dict[int, Canned]

    def rewrite(self, article_id: int, language: str, fields: Json, at: int) -> bool:
        """Change `title`, `body` or `status` (1 draft, 2 published) of one language of an article; whether there is such a text."""
        article = self.articles.get(article_id)
        if article is None or language not in article.texts:
            return False
        text = article.texts[language]
        text.title = str(fields.get("title", text.title))
        text.body = str(fields.get("body", text.body))
        text.status = int(fields.get("status", text.status))
        text.updated_at = at
        return True

    def withdraw(self, article_id: int, at: int) -> None:
        """Make every language of an article a draft."""
        article = self.articles.get(article_id)
        for language in article.texts if article else ():
            self.rewrite(article_id, language, {"status": DRAFT}, at)


def categories_of(specs: dict[str, library.CategorySpec], base: int) -> dict[str, Category]:
    """Categories by key, with ids behind `base`."""
    return {
        key: Category(base + n, key, {"ko": spec.ko, "en": spec.en}, {"ko": spec.description_ko, "en": spec.description_en})
        for n, (key, spec) in enumerate(specs.items(), 1)
    }


def shelf(seed: int, reference: int, who: Directory) -> Shelf:
    """The help center of an account."""
    rng = Random(f"{seed}:shelf")
    source = library.knowledge()
    categories = categories_of(source.categories, CATEGORY_BASE)
    folders = _folders(source, categories, who)
    articles: dict[int, Article] = {}
    for problem in library.problems():
        article = _problem_article(rng, problem, folders[problem.area].id, reference, len(articles) + 1)
        articles[article.id] = article
    for spec in source.articles:
        article = _plain_article(rng, spec, folders[spec.folder].id, reference, len(articles) + 1)
        articles[article.id] = article
    agents = sorted(who.agents)
    for article in articles.values():
        article.agent_id = rng.choice(agents)
    canned_folders = {CANNED_FOLDER_BASE + n: name for n, name in enumerate(dict.fromkeys(c.folder for c in source.canned), 1)}
    folder_ids = {name: key for key, name in canned_folders.items()}
    canned = {
        CANNED_BASE + n: Canned(CANNED_BASE + n, folder_ids[spec.folder], spec.title, paragraphs(*spec.body))
        for n, spec in enumerate(source.canned, 1)
    }
    return Shelf({c.id: c for c in categories.values()}, {f.id: f for f in folders.values()}, articles, canned_folders, canned)


def _folders(source: library.Knowledge, categories: dict[str, Category], who: Directory) -> dict[str, Folder]:
    folders: dict[str, Folder] = {}
    for key, area in source.areas.items():
        number = FOLDER_BASE + len(folders) + 1
        folders[key] = Folder(number, key, categories[area.category].id, {"ko": area.ko, "en": area.en}, 1)
    for spec in source.folders:
        number = FOLDER_BASE + len(folders) + 1
        parent = folders[spec.parent].id if spec.parent else None
        companies = tuple(sorted(who.companies)[:2]) if spec.visibility == 4 else ()
        names = {"ko": spec.ko, "en": spec.en}
        folders[spec.key] = Folder(number, spec.key, categories[spec.category].id, names, spec.visibility, parent, companies)
    return folders


def _problem_article(rng: Random, problem: Problem, folder_id: int, reference: int, number: int) -> Article:
    created = reference - rng.randrange(200, 500) * _DAY
    texts: dict[str, Translation] = {}
    for lang in (PRIMARY, *TRANSLATIONS):
        text = problem.text(lang)
        words = ("증상", "원인", "해결 방법") if lang == "ko" else ("Symptom", "Cause", "Solution")
        symptom = next((ask for ask in text.asks if "{" not in ask), text.asks[0])
        body = (
            f"<h2>{words[0]}</h2>{paragraphs(symptom)}<h2>{words[1]}</h2>{paragraphs(text.cause)}"
            f"<h2>{words[2]}</h2>{ordered(text.steps)}<p><code>{html.escape(problem.code)}</code></p>"
        )
        texts[lang] = Translation(text.title, fill(body, _SAMPLE[lang]), PUBLISHED, created + rng.randrange(1, 190) * _DAY)
    if number % 9 == 0:
        del texts["en"]
    elif number % 13 == 0:
        texts["en"].status = DRAFT
    if number % 17 == 0:
        texts[PRIMARY].status = DRAFT
    files = [_guide(ARTICLE_BASE + number, created, problem)] if number % 8 == 0 else []
    hits = rng.randrange(20, 3_000)
    return Article(ARTICLE_BASE + number, folder_id, 0, 1, tuple(problem.tags), created, hits, texts, problem.key, files)


def _guide(article_id: int, created: int, problem: Problem) -> Attachment:
    number = ARTICLE_FILE_BASE + article_id % 100_000
    lines = (problem.ko.title, f"문서 번호 KB-{article_id % 100_000:05d}", *(fill(step, _SAMPLE["ko"]) for step in problem.ko.steps))
    return Attachment(number, f"guide-{problem.key}.pdf", TYPES["pdf"], "pdf", created, lines)


def _plain_article(rng: Random, spec: library.ArticleSpec, folder_id: int, reference: int, number: int) -> Article:
    created = reference - rng.randrange(60, 500) * _DAY
    updated = created + rng.randrange(0, 50) * _DAY
    texts = {
        "ko": Translation(spec.title_ko, paragraphs(*spec.body_ko), spec.status, updated),
        "en": Translation(spec.title_en, paragraphs(*spec.body_en), spec.status, updated),
    }
    return Article(ARTICLE_BASE + number, folder_id, 0, 1, (), created, rng.randrange(5, 900), texts)
