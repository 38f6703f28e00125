"""The made-up company's data, and how it changes. The same in every run, on a clock of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

Record = dict[str, Any]

BEGAN: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
_PROBLEMS: Final = (
    (
        "로그인 후 화면이 계속 반복됩니다",
        "SSO로 로그인하면 로그인 화면이 계속 반복됩니다. 쿠키를 지워도 같습니다.",
        "관리자 화면에서 SSO 인증서를 새로 올린 뒤 해결되었습니다.",
    ),
    (
        "Invoice PDF is empty",
        "The invoice PDF we download has no pages since Monday.",
        "The template was missing; it was restored for all accounts.",
    ),
    (
        "비밀번호 재설정 메일이 오지 않아요",
        "비밀번호 재설정 메일이 30분째 오지 않습니다.",
        "메일 서버의 차단 목록에서 도메인을 제거했습니다.",
    ),
    (
        "Webhook retries forever",
        "Our endpoint answers 200 and still gets the same webhook again.",
        "The endpoint answered after 12 s; the limit is 10 s.",
    ),
)
_AGENTS: Final = (
    {"id": "a-1", "name": "한지우", "email": "jiwoo@birchdesk.example", "kind": "agent"},
    {"id": "a-2", "name": "Ada Park", "email": "ada@birchdesk.example", "kind": "agent"},
)
_ROBOT: Final = {"id": "r-1", "name": "Birchdesk", "email": None, "kind": "robot"}
_AUDIENCES: Final = ("everyone", "customers", "agents")


class World:
    """One account: its tickets, articles and files by id."""

    def __init__(self, tickets: int = 240, articles: int = 12) -> None:
        self._now = BEGAN
        self._last = 0
        self.tickets: dict[str, Record] = {}
        self.gone: dict[str, str] = {}
        """Ticket -> `deleted` or `spam`."""
        self.articles: dict[str, Record] = {}
        self.files: dict[str, bytes] = {}
        for number in range(tickets):
            self._add_ticket(number)
        for number in range(articles):
            self._add_article(number)
        for number in range(3, tickets, 40):
            self.remove(f"t-{number}", "spam" if number % 80 == 3 else "deleted")

    def live(self) -> dict[str, Record]:
        """The tickets that are not gone."""
        return {key: ticket for key, ticket in self.tickets.items() if key not in self.gone}

    def answer(self, ticket_id: str, html: str) -> None:
        """Let an agent reply."""
        ticket = self.tickets[ticket_id]
        ticket["messages"].append(self._message(_AGENTS[0], html))
        ticket["changed_at"] = self._tick()

    def remove(self, ticket_id: str, state: str = "deleted") -> None:
        """Put a ticket into the trash, or among the spam."""
        self.gone[ticket_id] = state
        self.tickets[ticket_id]["changed_at"] = self._tick()

    def restore(self, ticket_id: str) -> None:
        """Take it out again."""
        del self.gone[ticket_id]
        self.tickets[ticket_id]["changed_at"] = self._tick()

    def _add_ticket(self, number: int) -> None:
        subject, question, solution = _PROBLEMS[number % len(_PROBLEMS)]
        customer = {
            "id": f"c-{number % 37}",
            "name": f"고객 {number % 37}",
            "email": f"c{number % 37}@customer.example",
            "kind": "customer",
        }
        created_at = self._tick()
        messages = [self._message(customer, f"<p>{question}</p>")]
        if number % 9 == 0:
            messages.append(self._message(_ROBOT, "<p>We received your request.</p>"))
        if number % 2 == 0:
            messages.append(self._message(_AGENTS[number % 2], "<p>로그를 보니 고객 설정 문제입니다.</p>", internal=True))
        messages.append(self._message(_AGENTS[number % 2], f"<p>{solution}</p>"))
        if number % 11 == 0:
            messages[0]["files"] = [self._file(f"화면 캡처 {number}.txt", f"오류 코드 ERR-{number}")]
        if number % 22 == 0:
            messages[-1]["files"] = [self._file("로그.txt", "internal log")]
            messages[-1]["internal"] = True
        self.tickets[f"t-{number}"] = {
            "id": f"t-{number}",
            "subject": f"{subject} (#{number})",
            "status": ("new", "open", "waiting", "solved", "closed")[number % 5],
            "priority": ("low", "normal", "high", "urgent", None)[number % 5],
            "requester": customer,
            "assignee": _AGENTS[number % 2] if number % 3 else None,
            "organization": {"id": "o-1", "name": "가온전자"} if number % 4 == 0 else None,
            "team": "Support",
            "product": "Birch Cloud",
            "tags": ["login"] if number % 4 == 0 else [],
            "fields": {"버전": f"5.{number % 7}", "seats": number % 50},
            "solved_at": None,
            "messages": messages,
            "created_at": created_at,
            "changed_at": self._tick(),
        }

    def _add_article(self, number: int) -> None:
        subject, _, solution = _PROBLEMS[number % len(_PROBLEMS)]
        at = self._tick()
        texts = [
            {"language": "ko", "title": f"{subject} {number}", "html": f"<h2>해결</h2><p>{solution}</p>", "published": number % 5 != 4}
        ]
        if number % 2 == 0:
            texts.append({"language": "en", "title": f"How to fix it ({number})", "html": "<p>See the steps.</p>", "published": True})
        self.articles[f"k-{number}"] = {
            "id": f"k-{number}",
            "audience": _AUDIENCES[number % 3],
            "section": "도움말",
            "texts": texts,
            "created_at": at,
            "changed_at": at,
        }

    def _message(self, author: Record, html: str, *, internal: bool = False) -> Record:
        return {"id": self._id("m"), "author": author, "internal": internal, "html": html, "files": [], "created_at": self._tick()}

    def _file(self, name: str, content: str) -> Record:
        key = self._id("f")
        self.files[key] = content.encode()
        return {"id": key, "name": name, "type": "text/plain", "size": len(self.files[key])}

    def _id(self, kind: str) -> str:
        self._last += 1
        return f"{kind}-{self._last}"

    def _tick(self) -> str:
        """A later moment every time."""
        self._now += timedelta(seconds=30)
        return f"{self._now:%Y-%m-%dT%H:%M:%SZ}"
