"""The rows of one ticket as a Ticket: pure, so that it can run in another process."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from backend.adapters.file.tables.layout import BadRowError, Record
from backend.adapters.file.tickets.plan import Field, Plan
from backend.adapters.file.tickets.times import moment_of
from backend.adapters.file.tickets.turns import looks_like_html, turns_of
from backend.adapters.file.tickets.words import channel_of, clean, is_yes, priority_of, status_of
from backend.core.model.ticket import Attachment, Conversation, ConversationKind, Organization, Person, Role, Ticket

_FIELD_MAX: Final = 500
"""Characters of a column that is no field of ours."""
_FIELDS_MAX: Final = 60
_ID_MAX: Final = 180
"""Characters; the store takes 255, and a prefix comes before."""
_GONE: Final = frozenset({"deleted", "spam", "삭제", "삭제됨", "스팸"})


def key_of(record: Record, plan: Plan) -> str:
    """The ticket that a row belongs to: its id, or where the file has none what the row says. Raises BadRowError."""
    heading = plan.heading(Field.ID)
    if heading:
        key = text(record, heading)
        if not key:
            raise BadRowError(f"there is nothing in {heading!r}, which names the ticket")
    else:
        key = f"row-{hashlib.sha256(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).hexdigest()[:24]}"
    return f"{plan.id_prefix}{shortened(key)}"


def shortened(key: str) -> str:
    """An id as far as the store takes it."""
    return key if len(key) <= _ID_MAX else f"{key[:100]}…{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def moved_at(record: Record, plan: Plan) -> datetime | None:
    """When the row says that the ticket changed last, None where it tells no time. Raises BadRowError."""
    found = None
    for heading in plan.times:
        if heading in record:
            moment = moment_of(record[heading], plan.timezone, day_first=plan.day_first)
            if moment is not None and (found is None or moment > found):
                found = moment
    return found


def is_gone(record: Record, plan: Plan) -> bool:
    """Whether the export names it as deleted or as spam."""
    if plan.marks and any(is_yes(record.get(heading)) for heading in plan.marks):
        return True
    heading = plan.heading(Field.STATUS)
    return bool(heading) and clean(text(record, heading)) in _GONE


def ticket_of(records: Sequence[Record], plan: Plan, key: str, *, moment: datetime, files: Sequence[Attachment] = ()) -> Ticket:
    """The ticket of these rows, in their order. `moment` stands for times that no row tells. Raises BadRowError."""
    first = records[0]
    cells = cells_of(first, plan)
    times = [found for record in records if (found := moved_at(record, plan)) is not None]
    created_at = _moment(first, plan, Field.CREATED_AT) or min(times, default=moment)
    updated_at = max(times, default=moment)
    resolved_at = _moment(first, plan, Field.RESOLVED_AT)
    requester = _requester(cells)
    assignee = _named(cells.get(Field.ASSIGNEE, ""))
    spoken = _Spoken(cells.get(Field.DESCRIPTION, ""), requester, assignee)
    conversations = _conversations(records, plan, spoken, created_at=created_at, answered_at=resolved_at or updated_at)
    subject = cells.get(Field.SUBJECT, "")
    if not subject and not any(turn.text or turn.html for turn in conversations):
        raise BadRowError("it has neither a subject nor a text")
    answered = any(turn.role is Role.AGENT for turn in conversations)
    status, label = status_of(cells.get(Field.STATUS, ""), plan.preset, plan.statuses, solved=resolved_at is not None or answered)
    organization = cells.get(Field.ORGANIZATION, "")
    return Ticket(
        original_id=key,
        subject=subject,
        status=status,
        status_label=label,
        priority=priority_of(cells.get(Field.PRIORITY, ""), plan.preset),
        requester=requester,
        organization=Organization(original_id=organization, name=organization) if organization else None,
        assignee=assignee,
        group=cells.get(Field.GROUP) or None,
        product=cells.get(Field.PRODUCT) or plan.product or None,
        ticket_type=cells.get(Field.TYPE) or None,
        channel=channel_of(cells.get(Field.CHANNEL, ""), plan.preset),
        tags=_tags(first, plan),
        custom_fields=_others(first, plan),
        satisfaction=cells.get(Field.SATISFACTION) or None,
        conversations=conversations,
        attachments=tuple(files),
        created_at=created_at,
        updated_at=updated_at,
        resolved_at=resolved_at,
        url=_url(cells),
    )


def files_in(records: Iterable[Record], plan: Plan) -> list[str]:
    """The files that the rows name, each once."""
    heading = plan.heading(Field.ATTACHMENTS)
    names: list[str] = []
    for record in records if heading else ():
        value = record.get(heading)
        if isinstance(value, str):
            names += [each.strip() for line in value.splitlines() for each in line.split(";")]
        elif isinstance(value, list):
            names += [each.strip() for each in value if isinstance(each, str)]
    return [name for name in dict.fromkeys(names) if name]


def text(record: Record, heading: str) -> str:
    """A cell as text."""
    return _text(record.get(heading))


def cells_of(record: Record, plan: Plan) -> dict[str, str]:
    """By field, its cell as text; without those that there is no column or no cell for."""
    return {field: _text(record[heading]) for field, heading in plan.fields if heading in record}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()


class _Spoken(NamedTuple):
    """What is told of a conversation's beginning and of who speaks in it."""

    description: str
    requester: Person | None
    assignee: Person | None


def _conversations(
    records: Sequence[Record], plan: Plan, spoken: _Spoken, *, created_at: datetime, answered_at: datetime
) -> tuple[Conversation, ...]:
    """The description, then what was said, by time; an answer in a column of its own comes last."""
    description, requester, assignee = spoken
    said = turns_of(records, plan, requester, assignee, created_at)
    if not description and said and said[0].role is not Role.AGENT and not said[0].private:
        opening, said = said[0], said[1:]
        description = opening.html or opening.text
        created_at = min(created_at, opening.at)
    elif said and description and (said[0].text or said[0].html) == description:
        # Some exports name the first message again among the comments.
        said = said[1:]
    turns = [_spoken("description", ConversationKind.DESCRIPTION, Role.CUSTOMER, requester, at=created_at, body=description)]
    turns += sorted(said, key=lambda turn: turn.at)
    heading = plan.heading(Field.ANSWER)
    for number, record in enumerate(records if heading else ()):
        answer = text(record, heading)
        if answer and (number == 0 or answer != text(records[number - 1], heading)):
            name = "answer" if number == 0 else f"answer-{number + 1}"
            turns.append(_spoken(name, ConversationKind.REPLY, Role.AGENT, assignee, at=max(answered_at, turns[-1].at), body=answer))
    return tuple(turns)


def _spoken(name: str, kind: ConversationKind, role: Role, author: Person | None, *, at: datetime, body: str) -> Conversation:
    html = looks_like_html(body)
    return Conversation(original_id=name, kind=kind, role=role, author=author, at=at, html=body if html else "", text="" if html else body)


def _requester(cells: Mapping[str, str]) -> Person | None:
    name, email = cells.get(Field.REQUESTER, ""), cells.get(Field.REQUESTER_EMAIL, "")
    own = cells.get(Field.REQUESTER_ID, "")
    if "@" in name and not email:
        name, email = "", name
    if not (name or email or own):
        return None
    return Person(original_id=own or email or name, name=name, email=email)


def _named(name: str) -> Person | None:
    return Person(original_id=name, name=name) if name else None


def _moment(record: Record, plan: Plan, field: Field) -> datetime | None:
    heading = plan.columns.get(field)
    return moment_of(record.get(heading), plan.timezone, day_first=plan.day_first) if heading else None


def _tags(record: Record, plan: Plan) -> tuple[str, ...]:
    heading = plan.columns.get(Field.TAGS)
    if not heading:
        return ()
    value = record.get(heading)
    if isinstance(value, list):
        named = [each.get("name") if isinstance(each, dict) else each for each in value]
        parts = [str(each) for each in named if each]
    else:
        whole = str(value or "")
        # Zendesk's tags hold no spaces, and stand one beside the other.
        parts = whole.split() if plan.preset == "zendesk" and "," not in whole else whole.replace(";", ",").split(",")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _others(record: Record, plan: Plan) -> dict[str, str]:
    """Columns that are no field of ours, by their headings."""
    known = plan.known
    found: dict[str, str] = {}
    for heading, value in record.items():
        if heading in known:
            continue
        cell = _text(value)
        if cell and len(cell) <= _FIELD_MAX and len(found) < _FIELDS_MAX:
            found[heading] = cell
    return found


def _url(cells: Mapping[str, str]) -> str | None:
    url = cells.get(Field.URL, "")
    return url if url.startswith(("https://", "http://")) else None
