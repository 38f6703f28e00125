"""A company's files as a helpdesk with a known truth: exports that are written anew whenever somebody changes a ticket."""

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from backend.adapters.file.opening import FilePlaces
from backend.adapters.http.client import Patience
from backend.adapters.registry import SourceRegistry
from backend.core.model.connection import SourceSettings
from backend.core.model.quota import Lane
from backend.core.ports.source import Source
from backend.storage.inprocess.budget.budgets import InProcessBudgets
from desklore_conformance.truth import TrueTicket, TrueTurn

HEADINGS: Final = (
    "번호",
    "제목",
    "내용",
    "상태",
    "고객",
    "등록일시",
    "수정일시",
    "댓글번호",
    "댓글",
    "역할",
    "비공개",
    "댓글일시",
    "첨부파일",
)
_START: Final = datetime(2025, 1, 6, 0, 0, tzinfo=UTC)
_TICKETS: Final = 260
_PAGE: Final = 90
_GONE: Final = ("deleted", "spam")


@dataclass
class _Written:
    """A ticket as its rows tell it."""

    number: int
    status: str
    changed: datetime
    turns: list[tuple[str, str, bool, datetime]] = field(default_factory=list)
    files: tuple[str, ...] = ()


class FilesHelpdesk:
    """A folder with two exports (one CSV in CP949, one JSON lines would be another) and documents."""

    def __init__(self, root: Path, *, company_id: str = "hanbit") -> None:
        self.root = root
        self.company_id = company_id
        self.folder = root / company_id
        (self.folder / "files").mkdir(parents=True)
        (self.folder / "docs").mkdir()
        self._tickets = [_written(number) for number in range(1, _TICKETS + 1)]
        for number in range(1, 9, 2):
            (self.folder / "files" / f"캡처 {number}.txt").write_bytes(f"attached {number} 첨부".encode() * number)
        for number in range(5):
            (self.folder / "docs" / f"guide {number}.md").write_text(f"# 안내 {number}\n\n내용 {number}", encoding="utf-8")
        declared = 'files:\n  "docs/guide 0.md": {visibility: public, title: 공개 안내}\n  "docs/guide 4.md": {kind: ignore}\n'
        (self.folder / "desklore.yaml").write_text(declared, encoding="utf-8")
        self.write()

    def write(self) -> None:
        """Write the exports anew: the odd numbers into one, the even ones into another."""
        for name, part in (("2025/odd.csv", 1), ("even.csv", 0)):
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(HEADINGS)
            for ticket in self._tickets:
                if ticket.number % 2 == part:
                    writer.writerows(_rows_of(ticket))
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            beside = path.with_suffix(".writing")
            beside.write_bytes(text.getvalue().encode("cp949"))
            beside.replace(path)

    def open(self, *, wrong_key: bool = False) -> Source:
        assert not wrong_key
        registry = SourceRegistry(frozenset(), 6, Patience(), InProcessBudgets(6), files=FilePlaces((self.root,), page=_PAGE))
        settings = SourceSettings(
            company_id=self.company_id, connection_id="conn_1", platform="file", domain="folder", base_url=None, credentials={}
        )
        return registry.open(settings, Lane.BACKFILL)

    def tickets(self) -> Mapping[str, TrueTicket]:
        return {str(each.number): self._truth(each) for each in self._tickets if each.status not in _GONE}

    def file(self, attachment_id: str) -> bytes:
        return next(path.read_bytes() for path in (self.folder / "files").iterdir() if self._id_of(f"files/{path.name}") == attachment_id)

    def articles(self) -> frozenset[str]:
        return frozenset(f"docs/guide {number}.md" for number in range(4))

    def internal_articles(self) -> frozenset[str]:
        return self.articles() - {"docs/guide 0.md"}

    def gone(self) -> frozenset[str]:
        return frozenset(str(each.number) for each in self._tickets if each.status in _GONE)

    def archived(self) -> str | None:
        return None

    async def change_ticket(self, original_id: str) -> None:
        ticket = self._of(original_id)
        at = max(ticket.changed, *(turn[3] for turn in ticket.turns), _START) + timedelta(hours=1)
        ticket.turns.append((f"t{ticket.number}-{len(ticket.turns) + 1}", "확인했습니다.", False, at))
        self.write()

    async def delete_ticket(self, original_id: str) -> None:
        self._of(original_id).status = "deleted"
        self.write()

    async def restore_ticket(self, original_id: str) -> None:
        self._of(original_id).status = "open"
        self.write()

    def _of(self, original_id: str) -> _Written:
        return self._tickets[int(original_id) - 1]

    def _truth(self, ticket: _Written) -> TrueTicket:
        return TrueTicket(
            turns=tuple(TrueTurn(turn[0], turn[2]) for turn in ticket.turns),
            files=frozenset(self._id_of(name) for name in ticket.files),
        )

    def _id_of(self, name: str) -> str:
        content = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        return f"{hashlib.sha256(name.encode()).hexdigest()[:12]}{content[:24]}"


def _written(number: int) -> _Written:
    at = _START + timedelta(minutes=7 * number)
    turns = [(f"t{number}-{n}", f"답변 {n}\n<자세히> {number}", n == 2, at + timedelta(minutes=n)) for n in range(1, number % 4 + 1)]
    status = "spam" if number % 101 == 0 else "deleted" if number % 97 == 0 else ("open", "처리중", "해결", "종료")[number % 4]
    files = (f"files/캡처 {number % 8 + 1}.txt",) if number % 30 == 0 else ()
    return _Written(number, status, at, turns, files)


def _rows_of(ticket: _Written) -> list[list[str]]:
    """A row for each turn, one for a ticket without."""
    number, at, files = ticket.number, _told(ticket.changed), ";".join(ticket.files)
    first = [str(number), f"문의 {number}, 로그인", f'안 됩니다.\n"오류" {number}', ticket.status, f"고객 {number}", at, at]
    rows = [[*first, key, text, "상담원", "예" if private else "아니오", _told(when), files] for key, text, private, when in ticket.turns]
    return rows or [[*first, "", "", "", "", "", files]]


def _told(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
