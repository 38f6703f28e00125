"""Installations to move: a database of each kind with two companies, and a folder of their files."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from backend.core.model.document import AttachmentState
from backend.core.model.job import Job
from backend.core.model.tenant import Tenant
from backend.storage.blobs.local import LocalBlobStores
from backend.storage.moving.restore import Target
from backend.storage.sql.engine import Engines, open_engines, upgrade
from backend.storage.sql.unit_of_work import SqlDatabase
from tests.contract.records import Records, attachment, audit_entry, doc
from tests.contract.test_stores import fill
from tests.support.postgres import PostgresDatabase

KEY = "attachments/freshdesk/9/영수증.pdf"
MANY = 230
"""Documents of the first company: more than one page of every kind."""


@dataclass
class House:
    """An installation, and what it forgot."""

    url: str
    database: SqlDatabase
    engines: Engines
    blobs: LocalBlobStores
    forgotten: list[str]
    erased: list[tuple[str, bool]]
    """Who is erased for good, and whether its rows were there still."""

    def target(self, opens: Callable[[Tenant], bool] = lambda _: True) -> Target:
        async def forget(company_id: str) -> None:
            self.forgotten.append(company_id)

        async def erase(company_id: str) -> None:
            async with self.database.directory() as directory:
                self.erased.append((company_id, await directory.get_tenant(company_id) is not None))

        return Target(engines=self.engines, blobs=self.blobs, forget=forget, erase=erase, opens=opens)

    async def fill(self) -> None:
        """A row of everything for two companies, many Documents of one, a file of each, and an operator's entry."""
        records = Records(self.database)
        await records.add_tenants("acme", "other")
        for company in ("acme", "other"):
            await fill(records, company)
            async with self.database.open(company) as work:
                await work.documents.put([doc(number, company=company) for number in range(2, MANY if company == "acme" else 5)])
                content = f"영수증 {company}".encode()
                file = msgspec.structs.replace(
                    attachment("9", doc(2, company=company), state=AttachmentState.KEPT), blob_key=KEY, sha256=sha256(content).hexdigest()
                )
                await work.attachments.put([file])
            await self.blobs.open(company).put(KEY, content)
        async with self.database.directory() as directory:
            await directory.audit(audit_entry())


Make = Callable[[str], Awaitable[House]]


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
async def make(tmp_path: Path, empty_sqlite: Path, postgres: PostgresDatabase) -> AsyncIterator[Make]:
    """An empty installation by its kind; SQLite ones each have a database of their own."""
    made = 0

    async def send(_jobs: Sequence[Job]) -> None:
        return None

    async with AsyncExitStack() as stack:

        async def make_one(kind: str) -> House:
            nonlocal made
            made += 1
            folder = tmp_path / f"house-{made}"
            folder.mkdir()
            url = postgres.url
            if kind == "file":
                shutil.copy(empty_sqlite, folder / "desklore.db")
                url = f"sqlite+aiosqlite:///{folder / 'desklore.db'}"
            database, engines = SqlDatabase(url, send), open_engines(url, pool_size=3)
            stack.push_async_callback(database.close)
            stack.push_async_callback(engines.dispose)
            return House(url, database, engines, LocalBlobStores(folder / "blobs"), [], [])

        yield make_one
