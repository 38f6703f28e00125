"""The small help center of the company's second brand, which is a shelf of its own: only Zendesk has such a thing."""

from random import Random

from sandbox.data import library
from sandbox.data.evidence import TYPES
from sandbox.data.mail import paragraphs
from sandbox.data.model import Attachment
from sandbox.data.people import Directory
from sandbox.data.shelf import Article, Folder, Shelf, Translation, categories_of

CATEGORY_BASE = 67_410_000_000
FOLDER_BASE = 67_410_001_000
ARTICLE_BASE = 67_410_010_000
FILE_BASE = 67_510_000_000
_DAY = 86_400


def branch_shelf(seed: int, reference: int, who: Directory) -> Shelf:
    """Its categories, folders and articles; one has a file. Ids are unique over the whole account."""
    rng = Random(f"{seed}:branch")
    source = library.branch()
    categories = categories_of(source.categories, CATEGORY_BASE)
    folders: dict[str, Folder] = {}
    for n, spec in enumerate(source.folders, 1):
        parent = folders[spec.parent].id if spec.parent else None
        names = {"ko": spec.ko, "en": spec.en}
        folders[spec.key] = Folder(FOLDER_BASE + n, spec.key, categories[spec.category].id, names, spec.visibility, parent)
    agents = sorted(who.agents)
    articles = [_article(rng, spec, folders[spec.folder].id, reference, n) for n, spec in enumerate(source.articles, 1)]
    for article in articles:
        article.agent_id = rng.choice(agents)
    return Shelf({c.id: c for c in categories.values()}, {f.id: f for f in folders.values()}, {a.id: a for a in articles}, {}, {})


def _article(rng: Random, spec: library.ArticleSpec, folder_id: int, reference: int, number: int) -> Article:
    created = reference - rng.randrange(60, 400) * _DAY
    texts = {
        "ko": Translation(spec.title_ko, paragraphs(*spec.body_ko), spec.status, created + rng.randrange(0, 50) * _DAY),
        "en": Translation(spec.title_en, paragraphs(*spec.body_en), spec.status, created + rng.randrange(0, 50) * _DAY),
    }
    lines = (spec.title_ko, f"문서 번호 HP-{number:05d}", *spec.body_ko)
    files = [Attachment(FILE_BASE + number, f"pay-{number}.pdf", TYPES["pdf"], "pdf", created, lines)] if number == 1 else []
    hits = rng.randrange(5, 400)
    return Article(ARTICLE_BASE + number, folder_id, 0, 1, ("hanbit-pay",), created, hits, texts, None, files)
