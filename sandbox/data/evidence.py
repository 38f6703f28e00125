"""Which files people attach to a ticket, and the facts that only those files tell."""

from random import Random

from sandbox.data.facts import iso
from sandbox.data.model import Attachment, Ticket

ATTACHMENT_BASE = 67_300_000_000
PER_TICKET = 1000
#: The same logo in many signatures: one picture, many attachment ids, one MD5.
LOGO_NAME = "hanbit-logo.png"

TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "txt": "text/plain",
    "html": "text/html",
    "png": "image/png",
    "log": "text/plain",
    "empty": "text/plain",
    "misnamed": "application/pdf",
    "locked": "application/pdf",
    "big": "text/plain",
    "logo": "image/png",
}
_NAMES = {
    "pdf": ("오류보고서_{trace}.pdf", "incident-report-{trace}.pdf"),
    "docx": ("재현절차_{order}.docx", "steps-to-reproduce-{order}.docx"),
    "xlsx": ("주문목록_{order}.xlsx", "affected-orders-{order}.xlsx"),
    "csv": ("내보내기_{order}.csv", "export-{order}.csv"),
    "txt": ("메모.txt", "notes.txt"),
    "html": ("화면저장.html", "saved-page.html"),
    "png": ("화면캡처.png", "screenshot.png"),
    "log": ("collector.log", "collector.log"),
    "empty": ("빈파일.txt", "empty.txt"),
    "misnamed": ("영수증.pdf", "receipt.pdf"),
    "locked": ("계약서_암호.pdf", "contract-protected.pdf"),
    "big": ("전체로그.log", "full-trace.log"),
    "logo": (LOGO_NAME, LOGO_NAME),
}
#: Flows whose first message has exactly these files.
_FLOW_KINDS: dict[str, tuple[str, ...]] = {
    "empty_file": ("empty",),
    "misnamed_file": ("misnamed",),
    "locked_file": ("locked", "txt"),
    "big_file": ("big",),
    "every_file": ("pdf", "docx", "xlsx", "csv", "txt", "html", "png", "log"),
    "spam": (),
    "noise": (),
    "merged": (),
}
_ANSWER_KINDS = ("csv", "log", "xlsx", "txt", "png", "html", "docx")


class Evidence:
    """Hands out the files of one ticket; the same ticket always has the same ones."""

    def __init__(self, ticket: Ticket, lang: str, facts: dict[str, str]) -> None:
        self._ticket = ticket
        self._korean = lang == "ko"
        self._facts = facts
        self._made = 0

    def with_description(self) -> list[Attachment]:
        """Files that came with the first message."""
        flow, variant, at = self._ticket.flow, self._ticket.variant, self._ticket.created_at
        if flow in _FLOW_KINDS:
            return [self._file(kind, at) for kind in _FLOW_KINDS[flow]]
        if variant % 11 == 0:
            return [self._file("png", at, inline=True)]
        if variant % 13 == 0:
            return [self._file("png", at)]
        return [self._file("logo", at, inline=True)] if variant % 17 == 0 else []

    def with_answer(self, at: int) -> list[Attachment]:
        """Files with the customer's answer."""
        variant = self._ticket.variant
        return [self._file(_ANSWER_KINDS[variant // 6 % len(_ANSWER_KINDS)], at)] if variant % 6 == 0 else []

    def with_solution(self, at: int) -> list[Attachment]:
        """A guide that the agent sends along."""
        variant = self._ticket.variant
        return [self._file("pdf" if variant % 2 else "docx", at)] if variant % 15 == 3 else []

    def _file(self, kind: str, at: int, *, inline: bool = False) -> Attachment:
        self._made += 1
        attachment_id = ATTACHMENT_BASE + self._ticket.id * PER_TICKET + self._made
        korean_name, english_name = _NAMES[kind]
        name = (korean_name if self._korean else english_name).format_map(self._facts)
        return Attachment(attachment_id, name, TYPES[kind], kind, at, tuple(self._lines(attachment_id, kind)), inline)

    def _lines(self, attachment_id: int, kind: str) -> list[str]:
        if kind in {"empty", "logo"}:
            return []
        rng = Random(f"{attachment_id}:{self._ticket.variant}")
        proof, batch = f"DX-{rng.getrandbits(36):09X}", f"BATCH-{rng.randrange(10**6, 10**7)}"
        seconds = rng.randrange(4, 90)
        # Pictures stay English: not every machine has a font with Korean letters, and the bytes must not depend on it.
        if self._korean and kind not in {"png", "misnamed", "log"}:
            return [
                f"진단 번호: {proof}",
                f"상점: {self._facts['company']} ({self._facts['shop_id']})",
                f"작업 묶음 {batch} 처리 중 {seconds}초 동안 응답이 없었습니다.",
                f"주문번호 {self._facts['order']} 금액 {self._facts['amount']}원",
                f"기록 시각: {iso(self._ticket.created_at)}",
            ]
        shop = self._facts["shop_id"]
        return [
            f"Diagnosis number: {proof}",
            f"Shop: {shop}",
            f"Job {batch} gave no answer for {seconds} seconds.",
            f"Order {self._facts['order']}, amount {self._facts['amount']} KRW",
            f"Recorded at {iso(self._ticket.created_at)}",
        ]
