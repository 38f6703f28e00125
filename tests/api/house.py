"""A whole Desklore for tests, from real parts in a folder of its own, with tenants that have something to read."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from backend.adapters.budgeted import BudgetedModels
from backend.adapters.compute import ProcessCompute
from backend.adapters.offline.chat import OfflineChat
from backend.adapters.offline.embed import HashingEmbedder
from backend.adapters.webhooks import WEBHOOKS
from backend.core import ids
from backend.core.model.article import Visibility
from backend.core.model.auth import AuthConfig
from backend.core.model.budget import Usage
from backend.core.model.document import AttachmentFile, AttachmentState, Chunk, DocState, DocType, Document, Part, Summary
from backend.core.model.personal import Kind
from backend.core.model.search import Makers, Point
from backend.core.model.tenant import ROLE_SCOPES, Caller, Role, Secret
from backend.core.model.ticket import Role as Author
from backend.core.ports.services import Encoders, Models, Policy, Services
from backend.core.text.sparse import SparseEncoder
from backend.core.text.tokens import make_tokenizer
from backend.core.usecases import keys, tenants
from backend.observability.metrics import PrometheusMeter
from backend.storage.blobs.local import LocalBlobStores
from backend.storage.inprocess.cache import InProcessCaches
from backend.storage.inprocess.flights import InProcessFlights
from backend.storage.inprocess.queue import InProcessQueue
from backend.storage.inprocess.streams import InProcessStreams
from backend.storage.moving.export import ZipExporter
from backend.storage.qdrant.edge import EdgeIndexes
from backend.storage.secrets.local import LocalCipher
from backend.storage.secrets.sealed import SealedSecrets
from backend.storage.sql.engine import upgrade
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.api.helpdesk import NoReader, PaperHelpdesks
from tests.support.own import own_providers

OPERATOR_KEY = "operator-key-for-tests-5f1c2d"
OPERATOR = Caller(role=Role.OPERATOR, scopes=ROLE_SCOPES[Role.OPERATOR])
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
RECEIPT = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
NOTE = "내부 메모: 관리자 암호는 쓰지 않는다".encode()
PAGE = b"<script>alert(1)</script>"


@dataclass
class House:
    """The parts a test looks at."""

    services: Services
    auth: AuthConfig
    meter: PrometheusMeter
    helpdesks: PaperHelpdesks
    data_dir: Path
    api_keys: dict[str, str] = field(default_factory=dict)
    """`<company_id>/<role>` -> the plain key."""


@dataclass(frozen=True)
class Template:
    """A folder with two tenants in it; copying it is faster than making them for each test."""

    folder: Path
    api_keys: dict[str, str]


async def make_template(folder: Path) -> Template:
    """Two tenants, `acme` and `bravo`, with the same ids on their helpdesks."""
    await asyncio.to_thread(upgrade, f"sqlite+aiosqlite:///{folder / 'desklore.sqlite'}")
    async with open_house(folder) as house:
        await add_tenant(house, "acme")
        await add_tenant(house, "bravo")
        return Template(folder, house.api_keys)


@asynccontextmanager
async def open_copy(root: Path, template: Template) -> AsyncIterator[House]:
    """A house of its own under `root` that looks like the template."""
    shutil.copytree(template.folder, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("index"))
    async with open_house(root) as house:
        house.api_keys = dict(template.api_keys)
        yield house


async def _no_older(makers: Makers, *, masked: frozenset[Kind]) -> Encoders | None:
    """Its makers never change."""
    return None


@asynccontextmanager
async def open_house(root: Path) -> AsyncIterator[House]:
    """The parts over the folder `root`, closed at the end."""
    encoder = SparseEncoder(make_tokenizer("bigram"))
    embedder = HashingEmbedder()
    queue = InProcessQueue(2)
    flights = InProcessFlights()
    url, blobs = f"sqlite+aiosqlite:///{root / 'desklore.sqlite'}", LocalBlobStores(root / "blobs")
    database = SqlDatabase(url, queue.enqueue)
    indexes = EdgeIndexes(root / "index", Makers(encoder=encoder.id))
    meter, helpdesks, chat = PrometheusMeter(), PaperHelpdesks(), OfflineChat(encoder.tokenizer)
    cipher = LocalCipher([("k1", bytes(range(32)))])
    services = Services(
        database=database,
        blobs=blobs,
        indexes=indexes,
        cipher=cipher,
        secrets=SealedSecrets(cipher),
        exporter=ZipExporter(url, blobs),
        sources=helpdesks,
        extractor=NoReader(),
        models=Models(summarize=chat, generate=chat, reason=chat, embed=embedder),
        encoder=encoder,
        queue=queue,
        caches=InProcessCaches(),
        flights=flights,
        streams=InProcessStreams(),
        compute=ProcessCompute(0),
        meter=meter,
        policy=Policy(),
        webhooks=WEBHOOKS,
        own=own_providers(cipher, meter),
        older=_no_older,
        spending=BudgetedModels(
            database, meter, lambda _model, asked, said: Usage(calls=1, input_tokens=asked, output_tokens=said, unpriced_calls=1)
        ),
    )
    auth = AuthConfig(
        operator_key=Secret(OPERATOR_KEY), jwt_secret=Secret("jwt-secret-for-tests-" + "x" * 32), key_pepper=Secret("pepper-" * 6)
    )
    try:
        yield House(services, auth, meter, helpdesks, root)
    finally:
        await flights.close()
        await queue.stop()
        await indexes.close()
        await database.close()


async def add_tenant(house: House, company_id: str) -> None:
    """A tenant with one key a role, a ticket with private notes and files, a public and an agents-only article."""
    await tenants.onboard_tenant(house.services, OPERATOR, company_id=company_id, name=f"{company_id} 주식회사")
    for role in (Role.ADMIN, Role.AGENT, Role.MEMBER, Role.VIEWER):
        wanted = keys.KeyInput(name=f"{role.value} key", role=role)
        made = await keys.create_key(house.services, house.auth, company_id, wanted, caller=OPERATOR)
        house.api_keys[f"{company_id}/{role.value}"] = made.plain.reveal()
    documents = _documents(company_id)
    blobs = house.services.blobs.open(company_id)
    files = [
        _file(documents[0], "f1", "영수증 (최종).png", "image/png", RECEIPT, internal=False),
        _file(documents[0], "f2", "memo.txt", "text/plain", NOTE, internal=True),
        _file(documents[0], "f3", "page.html", "text/html", PAGE, internal=False),
    ]
    for file, data in zip(files, (RECEIPT, NOTE, PAGE), strict=True):
        await blobs.put(str(file.blob_key), data)
    async with house.services.database.open(company_id) as uow:
        await uow.documents.put(documents)
        await uow.attachments.put(files)


async def fill_index(house: House, company_id: str) -> None:
    """Index what `add_tenant` stored. Apart from it, because an index takes long to make and few tests search."""
    await index_documents(house, company_id, _documents(company_id))


async def index_documents(house: House, company_id: str, documents: Sequence[Document]) -> None:
    """Put these into the tenant's index, a point for each of their parts."""
    index = await house.services.indexes.open(company_id)
    await index.replace([each.document_id for each in documents], [point for each in documents for point in _points(house, each)])


def _documents(company_id: str) -> list[Document]:
    return [_ticket(company_id), _article(company_id, "7", Visibility.PUBLIC), _article(company_id, "8", Visibility.INTERNAL)]


def ticket_id(company_id: str) -> str:
    """The document_id of the tenant's ticket 101."""
    return ids.document_id(company_id, "paper", "ticket", "101")


def article_id(company_id: str, number: str) -> str:
    """The document_id of the tenant's article: 7 is public, 8 agents-only."""
    return ids.document_id(company_id, "paper", "article", number)


def _ticket(company_id: str) -> Document:
    return Document(
        document_id=ticket_id(company_id),
        connection_id="conn_seed",
        platform="paper",
        doc_type=DocType.TICKET,
        original_id="101",
        title=f"환불이 지연됩니다 ({company_id})",
        parts=(
            Part(
                kind="description", text="환불을 신청했는데 일주일째 지연됩니다.", visibility=Visibility.CONVERSATION, role=Author.CUSTOMER
            ),
            Part(kind="reply", text="결제사를 통해 환불을 다시 처리했습니다.", visibility=Visibility.CONVERSATION, role=Author.AGENT),
            Part(kind="note", text="비밀메모: 결제사 담당자는 박과장", visibility=Visibility.INTERNAL, role=Author.AGENT),
        ),
        content_hash="h1",
        source_version="v1",
        visibility=Visibility.CONVERSATION,
        language="ko",
        status="resolved",
        status_label="Resolved",
        priority="high",
        requester="이고객",
        tags=("환불",),
        url="https://acme.example/a/tickets/101",
        created_at=NOW,
        updated_at=NOW,
        state=DocState.INDEXED,
        summary=Summary(problem="환불 지연", solution="결제사를 통해 환불을 다시 처리", language="ko", resolved=True),
        internal_summary=Summary(problem="환불 지연", cause="비밀메모: 박과장", solution="다시 처리", language="ko", resolved=True),
        stored_at=NOW,
        indexed_at=NOW,
    )


def _article(company_id: str, number: str, visibility: Visibility) -> Document:
    text = "환불은 영업일 기준 3일 안에 처리됩니다. Refunds take three business days."
    return Document(
        document_id=article_id(company_id, number),
        connection_id="conn_seed",
        platform="paper",
        doc_type=DocType.ARTICLE,
        original_id=number,
        title=f"환불 안내 {number}",
        parts=(Part(kind="article", text=text, visibility=visibility),),
        content_hash=f"h{number}",
        source_version="v1",
        visibility=visibility,
        language="ko",
        created_at=NOW,
        updated_at=NOW,
        state=DocState.INDEXED,
        stored_at=NOW,
        indexed_at=NOW,
    )


def _file(document: Document, name: str, title: str, content_type: str, data: bytes, *, internal: bool) -> AttachmentFile:
    return AttachmentFile(
        attachment_id=f"paper-{name}",
        document_id=document.document_id,
        original_id=name,
        name=title,
        content_type=content_type,
        size=len(data),
        internal=internal,
        state=AttachmentState.KEPT,
        blob_key=f"attachments/paper/{name}/file",
        sha256=f"sha-{name}",
    )


def _points(house: House, document: Document) -> Iterator[Point]:
    for ordinal, part in enumerate(document.parts):
        internal = part.visibility is Visibility.INTERNAL
        chunk = Chunk(
            document_id=document.document_id,
            ordinal=ordinal,
            kind="note" if internal and part.kind == "note" else "body",
            text=part.text,
            lexical=f"{document.title} {part.text}",
            visibility=part.visibility,
        )
        yield Point(
            point_id=ids.point_id(document.document_id, ordinal),
            chunk=chunk,
            dense=None,
            sparse=house.services.encoder.document(chunk.lexical),
            doc_type=document.doc_type,
            platform=document.platform,
            original_id=document.original_id,
            title=document.title,
            status=document.status,
            product=None,
            tags=document.tags,
            language=document.language,
            url=document.url,
            updated_at=document.updated_at,
            groups=document.groups,
        )
