"""Guess which column is what by its heading, and whose export a file is."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from backend.adapters.file.tables.layout import Record
from backend.adapters.file.tickets.plan import Field, Plan

_CLEAN: Final = re.compile(r"[\W_]+")
_WORDS: Final[dict[Field, str]] = {
    Field.ID: "ticketid ticketnumber ticketno ticketkey displayid caseid casenumber issuekey id ticket number no key "
    "티켓번호 티켓id 문의번호 접수번호 상담번호 요청번호 케이스번호 관리번호 번호 순번",
    Field.SUBJECT: "subject ticketsubject title summary topic 제목 문의제목 티켓제목 건명 요약",
    Field.DESCRIPTION: "descriptiontext description body content question problem inquiry message details text bodytext "
    "문의내용 내용 본문 질문 설명 상세내용 증상 상담내용 문의 요청내용",
    Field.ANSWER: "answer reply response resolution solution 답변 답변내용 처리내용 해결방법 조치내용 처리결과 회신 해결 조치사항 답변본문",
    Field.STATUS: "status ticketstatus state 상태 처리상태 진행상태 티켓상태 문의상태",
    Field.PRIORITY: "priority urgency severity 우선순위 긴급도 중요도",
    Field.REQUESTER: "requestername requester customername customer contactname contact fullname reporter name from "
    "요청자 고객명 고객 문의자 신청자 이름 성명 고객이름 작성자",
    Field.REQUESTER_EMAIL: "requesteremail customeremail contactemail emailaddress email 이메일 고객이메일 요청자이메일 메일 전자우편",
    Field.REQUESTER_ID: "requesterid customerid userid contactid 요청자id 고객id 고객번호 회원번호",
    Field.ORGANIZATION: "organizationname organization companyname company organisation account 회사명 회사 업체명 업체 조직 고객사 거래처",
    Field.ASSIGNEE: "assigneename assignee agentname agent respondername owner assignedto 담당자 상담원 상담사 담당 처리자",
    Field.GROUP: "groupname group team department assignedgroup 담당부서 담당팀 그룹 팀 부서",
    Field.PRODUCT: "productname product brandname brand 제품명 제품 상품 상품명 브랜드 서비스",
    Field.TYPE: "tickettype type category 문의유형 유형 문의분류 분류 카테고리 문의종류",
    Field.CHANNEL: "channel source viachannel via 접수채널 채널 접수경로 유입경로 경로",
    Field.TAGS: "tags labels keywords tag 태그 라벨 키워드",
    Field.CREATED_AT: "createdat createdtime creationdate datecreated createddate created openedat opened requestdate date timestamp "
    "생성일시 생성일 접수일시 접수일 등록일시 등록일 문의일시 문의일 작성일시 작성일 생성시간 접수시간 일시 날짜 일자",
    Field.UPDATED_AT: "updatedat lastupdatetime updatedtime lastupdated updated lastmodified modifiedat modified "
    "수정일시 수정일 변경일시 변경일 최종수정일 최근수정일 갱신일 업데이트",
    Field.RESOLVED_AT: "resolvedat resolvedtime solvedat solved closedat closedtime resolved closed completedat ticketstatesresolvedat "
    "해결일시 해결일 처리일시 처리일 완료일시 완료일 종료일시 종료일 답변일시 답변일",
    Field.URL: "ticketurl permalink link url 링크 티켓주소",
    Field.SATISFACTION: "satisfactionscore satisfactionratingscore satisfaction surveyresults surveyresult csat 만족도 만족도평가",
    Field.ATTACHMENTS: "attachments attachment files 첨부파일 첨부",
    Field.DELETED: "deleted isdeleted 삭제 삭제여부",
    Field.SPAM: "spam isspam 스팸 스팸여부",
    Field.TURNS: "comments conversations notes replies messages 댓글목록 대화목록",
    Field.TURN_ID: "commentid conversationid messageid noteid replyid turnid 댓글번호 대화번호",
    Field.TURN_BODY: "commentbody commenttext comment conversationbody conversation replybody turnbody 댓글내용 댓글 대화내용 대화 메시지",
    Field.TURN_AUTHOR: "commentauthor authorname author commenter turnauthor 댓글작성자 대화작성자 발신자 발화자",
    Field.TURN_ROLE: "authorrole commentrole sendertype authortype direction role turnrole 작성자구분 역할 발신구분 구분",
    Field.TURN_PRIVATE: "isprivate private internalnote internal turnprivate 비공개 비공개여부 내부메모",
    Field.TURN_PUBLIC: "commentpublic ispublic public turnpublic 공개 공개여부",
    Field.TURN_AT: "commentcreatedat commentedat commentat commentdate commenttime conversationdate replydate turnat "
    "댓글일시 대화일시 댓글작성일",
}
_NAMES: Final = {word: (rank, field) for field, words in _WORDS.items() for rank, word in enumerate(words.split())}
_FRESHDESK_CSV: Final = {"ticketid", "subject", "createdtime", "lastupdatetime"}
_ZENDESK_CSV: Final = ({"summationcolumn", "subject"}, {"id", "requesterid", "submitter"}, {"id", "requesterid", "satisfactionscore"})
_FRESHDESK_JSON: Final = ({"displayid", "requesterid"}, {"requesterid", "responderid"})
_ZENDESK_JSON: Final = ({"requesterid", "submitterid"}, {"requesterid", "brandid", "ticketformid"})
_PRESETS: Final[dict[str, dict[Field, tuple[str, ...]]]] = {
    "freshdesk": {
        Field.ID: ("Ticket ID", "display_id", "id"),
        Field.DESCRIPTION: ("description_html", "description", "description_text"),
        Field.REQUESTER: ("Full name", "requester.name"),
        Field.CHANNEL: ("Source", "source_name", "source"),
        Field.RESOLVED_AT: ("Resolved time", "ticket_states.resolved_at", "stats.resolved_at"),
        Field.TURNS: ("notes", "conversations"),
    },
    "zendesk": {
        Field.ID: ("Id", "ID", "id"),
        Field.CHANNEL: ("Via", "via.channel"),
        Field.RESOLVED_AT: ("Solved at", "metric_set.solved_at"),
        Field.TURNS: ("comments",),
    },
}
"""What the vendors' own exports mean by their headings, where a guess might take another one."""


def guess(headings: Collection[str], *, values: Record | None = None) -> Plan | None:
    """A plan for these headings (of JSON: of a row, `values`); None where they are not those of tickets."""
    cleaned = {heading: _CLEAN.sub("", heading.casefold()) for heading in headings}
    preset = _preset(set(cleaned.values()))
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for field, candidates in _PRESETS.get(preset, {}).items():
        found = next((heading for heading in candidates if heading in cleaned), None)
        if found is not None:
            columns[field.value] = found
            taken.add(found)
    for rank, heading, field in sorted(_matches(cleaned, values), key=lambda match: match[0]):
        if field.value not in columns and heading not in taken and rank is not None:
            columns[field.value] = heading
            taken.add(heading)
    return Plan(columns=columns, preset=preset) if holds_tickets(columns) else None


def holds_tickets(columns: Mapping[str, str]) -> bool:
    """A text to find, and something that only a ticket has."""
    texts = {Field.SUBJECT, Field.DESCRIPTION, Field.TURN_BODY} & set(columns)
    signs = {Field.STATUS, Field.REQUESTER, Field.REQUESTER_EMAIL, Field.ANSWER, Field.CREATED_AT, Field.ASSIGNEE, Field.TURNS}
    known = signs & set(columns)
    return bool(texts) and (len(known) >= 2 or (Field.ID in columns and len(known) >= 1))


def headings_of(records: Iterable[Record]) -> tuple[str, ...]:
    """All names that occur, in the order of their first appearance."""
    return tuple(dict.fromkeys(name for record in records for name in record))


def unknown_columns(columns: Mapping[str, str], headings: Sequence[str]) -> list[str]:
    """Declared headings that the file does not have."""
    return [heading for heading in columns.values() if heading and heading not in headings]


def _matches(cleaned: Mapping[str, str], values: Record | None) -> Iterable[tuple[int, str, Field]]:
    for heading, clean in cleaned.items():
        rank, field = _NAMES.get(clean, (0, None))
        if field is None:
            continue
        value = None if values is None else values.get(heading)
        # In JSON a list of objects is the conversations, and nothing else is; in a table there are no lists.
        if _is_turns(value) != (field is Field.TURNS) and field not in (Field.ATTACHMENTS, Field.TAGS) and value is not None:
            continue
        if values is None and field is Field.TURNS:
            continue
        yield rank, heading, field


def _is_turns(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _preset(names: set[str]) -> str:
    if names >= _FRESHDESK_CSV or any(names >= each for each in _FRESHDESK_JSON):
        return "freshdesk"
    if any(names >= each for each in (*_ZENDESK_CSV, *_ZENDESK_JSON)):
        return "zendesk"
    return ""
