"""Where files may be read: a company's own folder and nothing outside of it, its own uploads, a bucket with its own key pair."""

import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from backend.adapters.file.opening import FilePlaces, check_place
from backend.adapters.file.places.folder import FolderPlace
from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.errors import AppError, Code
from backend.core.model.connection import SourceSettings
from backend.core.model.document import DocType
from backend.core.model.quota import Lane
from backend.core.model.sync import Cursor, ItemRef, RunOptions, Stream
from backend.core.model.tenant import Secret
from backend.core.model.ticket import Ticket
from backend.core.ports.source import Source
from backend.storage.aws import AwsClient
from backend.storage.blobs.local import LocalBlobStores
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from desklore_conformance.truth import refs_of
from tests.servers.aws import CREDENTIALS, REGION


def opened(root: Path, company_id: str, domain: str, *, base_url: str | None = None, **credentials: str) -> Source:
    """A Source as `bootstrap` would open it."""
    places = FilePlaces((root,), LocalBlobStores(root / "blobs"))
    registry = SourceRegistry(frozenset({"127.0.0.1"}), 6, Patience(), InProcessBudgets(6), files=places)
    checked = registry.check_address("file", domain, base_url)
    settings = SourceSettings(
        company_id=company_id,
        connection_id="conn_1",
        platform="file",
        domain=checked,
        base_url=base_url,
        credentials={name: Secret(value) for name, value in credentials.items()},
    )
    return registry.open(settings, Lane.BACKFILL)


async def named(source: Source) -> set[str]:
    """Documents and tickets, by id."""
    found = {ref.original_id for stream in (Stream.TICKETS, Stream.ARTICLES) for ref in await refs_of(source, stream)}
    await source.close()
    return found


@pytest.mark.parametrize(
    "domain",
    ["", "/", "folder/..", "folder/../bravo", "folder//x", "folder/.", "/etc", "file:///etc", "s3://", "s3://b/../x", "uploads/x", "a\\b"],
)
def test_what_names_no_place(domain: str) -> None:
    with pytest.raises(AppError) as caught:
        check_place(domain, None, FilePlaces((Path("/srv"),)), frozenset())
    assert caught.value.code is Code.HOST_NOT_ALLOWED


def test_without_the_operators_word_there_is_no_folder_and_no_other_server() -> None:
    with pytest.raises(AppError, match="DESKLORE_FILE_ROOTS"):
        check_place("folder", None, FilePlaces(), frozenset())
    with pytest.raises(AppError, match="ALLOWLIST"):
        check_place("s3://bucket", "http://169.254.169.254/", FilePlaces(), frozenset())


async def test_no_link_leads_out_of_a_companys_folder(tmp_path: Path) -> None:
    for company in ("acme", "bravo"):
        (tmp_path / company / "docs").mkdir(parents=True)
        (tmp_path / company / "docs" / f"{company}.md").write_text("# x")
    (tmp_path / "bravo" / "steal.md").symlink_to(tmp_path / "acme" / "docs" / "acme.md")
    (tmp_path / "bravo" / "all").symlink_to(tmp_path / "acme")
    (tmp_path / "bravo" / "hard").mkdir()
    os.mkfifo(tmp_path / "bravo" / "pipe.md")
    assert await named(opened(tmp_path, "bravo", "folder")) == {"docs/bravo.md"}
    with pytest.raises(AppError) as caught:
        await named(opened(tmp_path, "bravo", "folder/all"))
    assert caught.value.code is Code.SOURCE_HOST_UNKNOWN
    assert await named(opened(tmp_path, "acme", "folder/docs")) == {"acme.md"}


async def test_a_folder_that_becomes_a_link_after_it_was_listed_is_not_followed(tmp_path: Path) -> None:
    for company in ("acme", "bravo"):
        (tmp_path / company / "docs").mkdir(parents=True)
        (tmp_path / company / "docs" / "a.md").write_text("# x")
    place = FolderPlace(tmp_path, ("bravo",))
    [found] = await place.list()
    (tmp_path / "bravo" / "docs").rename(tmp_path / "bravo" / "old")
    (tmp_path / "bravo" / "docs").symlink_to(tmp_path / "acme" / "docs")
    with pytest.raises(AppError) as caught:
        await place.open(found)
    assert caught.value.code is Code.SOURCE_ITEM_NOT_FOUND
    with pytest.raises(AppError):
        await place.open(type(found)(path="../acme/docs/a.md", size=1, stamp="", modified=found.modified))


def bucket_of(s3: Any, **objects: bytes) -> str:
    """A bucket with these objects."""
    name = f"exports-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key, data in objects.items():
        s3.put_object(Bucket=name, Key=key.replace("__", "/").replace("_dot_", "."), Body=data)
    return name


CSV = "번호,제목,내용,상태,접수일\n1,로그인,안 됩니다,접수,2025-01-01\n2,결제,환불,종료,2025-01-02\n".encode("cp949")


async def test_a_prefix_of_a_bucket(tmp_path: Path, s3_client: AwsClient, aws_url: str) -> None:
    bucket = bucket_of(s3_client.client, exports__t_dot_csv=CSV, exports__guide_dot_md=b"# x", other__secret_dot_md=b"# y")
    keys = {"access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"], "secret_access_key": "k", "region": REGION}
    source = opened(tmp_path, "acme", f"s3://{bucket}/exports", base_url=aws_url, **keys)
    report = await source.verify()
    assert "t.csv (CSV, cp949, comma" in report.abilities[0].message
    assert {ref.original_id for ref in await refs_of(source, Stream.TICKETS)} == {"1", "2"}
    item = (await source.fetch(ItemRef(doc_type=DocType.TICKET, original_id="2", version=""))).item
    assert isinstance(item, Ticket)
    assert item.subject == "결제"
    rest = (await source.list_changes(Cursor(stream=Stream.TICKETS), RunOptions())).next
    assert not (await source.list_changes(rest, RunOptions())).refs
    s3_client.client.put_object(Bucket=bucket, Key="exports/t.csv", Body=CSV.replace(b"\n2,", b"\n3,"))
    again = await source.list_changes(rest, RunOptions())
    assert {ref.original_id for ref in again.refs} == {"1", "3"}
    assert again.anew
    assert await named(opened(tmp_path, "acme", f"s3://{bucket}/exports", base_url=aws_url, **keys)) == {"1", "3", "guide.md"}
    await source.close()


async def test_a_bucket_that_is_not_there_and_one_without_its_own_keys(tmp_path: Path, aws_url: str) -> None:
    source = opened(tmp_path, "acme", "s3://no-such-bucket-here", base_url=aws_url, access_key_id="a", secret_access_key="b")
    with pytest.raises(AppError) as caught:
        await source.verify()
    assert caught.value.code is Code.SOURCE_HOST_UNKNOWN
    await source.close()
    with pytest.raises(AppError, match="its own credentials"):
        opened(tmp_path, "acme", "s3://no-such-bucket-here", base_url=aws_url)
