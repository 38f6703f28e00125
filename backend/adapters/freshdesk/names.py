"""Who and what the ids in Freshdesk's payloads stand for, read once per Source and kept for a while."""

from typing import Any, Final

from msgspec import Struct

from backend.adapters.freshdesk.client import FreshdeskClient
from backend.adapters.freshdesk.fields import Record, ident, needed_ident, number, record_of, records_of, text
from backend.adapters.http.once import Once
from backend.adapters.http.together import together
from backend.core.model.ticket import Organization, Person

_EVER: Final = "1970-01-01T00:00:00Z"


class Names(Struct, frozen=True, kw_only=True):
    """Labels by id."""

    agents: dict[str, Person]
    """By the user id that tickets and conversations carry."""
    groups: dict[str, str]
    products: dict[str, str]
    statuses: dict[int, str]
    fields: dict[str, str]
    """API name of a custom field -> the label people see."""
    sources: dict[int, str]


class Directory:
    """The account's names, companies and ratings; each is asked for when the first ticket needs it."""

    def __init__(self, client: FreshdeskClient) -> None:
        self._client = client
        self.names: Once[Names] = Once(self._names)
        self.companies: Once[dict[str, Organization]] = Once(self._companies)
        self.ratings: Once[dict[str, str]] = Once(self._ratings)

    async def company(self, company_id: str | None) -> Organization | None:
        """A company; with an empty name where it can't be read."""
        if company_id is None:
            return None
        return (await self.companies.get()).get(company_id) or Organization(original_id=company_id)

    async def _names(self) -> Names:
        everything = self._client.everything
        agents, groups, products, fields = await together(
            everything("/agents", optional=True),
            everything("/groups", optional=True),
            everything("/products", optional=True),
            self._client.whole_list("/ticket_fields", optional=True),
        )
        choices = {text(field, "name"): field.get("choices") for field in fields}
        return Names(
            agents=people_of(agents),
            groups=_named(groups),
            products=_named(products),
            statuses=status_labels(choices.get("status")),
            fields=field_labels(fields),
            sources=source_labels(choices.get("source")),
        )

    async def _companies(self) -> dict[str, Organization]:
        companies = await self._client.everything("/companies", optional=True)
        return {key: Organization(original_id=key, name=name) for key, name in _named(companies).items()}

    async def _ratings(self) -> dict[str, str]:
        # Without created_since only recent ones are listed (https://developers.freshdesk.com/api/#view_all_satisfaction_ratings).
        found = await self._client.everything("/surveys/satisfaction_ratings", f"created_since={_EVER}&", optional=True)
        return latest_ratings(found)


def people_of(agents: list[Record]) -> dict[str, Person]:
    """Agents by id (https://developers.freshdesk.com/api/#list_all_agents)."""
    people: dict[str, Person] = {}
    for agent in agents:
        key = needed_ident(agent, "id")
        contact = record_of(agent.get("contact") or {}, "contact")
        people[key] = Person(original_id=key, name=text(contact, "name"), email=text(contact, "email"))
    return people


def status_labels(choices: Any) -> dict[int, str]:
    """Status number -> agents' label, from the choices of the `status` field: `{"2": ["Open", "Being processed"]}`."""
    if isinstance(choices, list):
        entries = [(entry.get("id"), entry.get("label") or entry.get("value")) for entry in records_of(choices, "choices")]
    elif isinstance(choices, dict):
        entries = [(key, value[0] if isinstance(value, list) and value else value) for key, value in choices.items()]
    else:
        entries = []
    return {int(str(key)): label for key, label in entries if str(key).isdecimal() and isinstance(label, str)}


def source_labels(choices: Any) -> dict[int, str]:
    """Source number -> label, from the choices of the `source` field: `{"Email": 1}`."""
    if not isinstance(choices, dict):
        return {}
    return {value: label for label, value in choices.items() if isinstance(value, int)}


def field_labels(fields: list[Record]) -> dict[str, str]:
    """API name -> label of the custom fields, dependent ones too; two fields of one label keep their names apart."""
    found: dict[str, str] = {}
    for field in fields:
        for entry in (field, *records_of(field.get("nested_ticket_fields"), "nested_ticket_fields")):
            name = text(entry, "name")
            label = text(entry, "label") or text(entry, "label_in_portal") or name
            found[name] = f"{label} ({name})" if label in found.values() else label
    return found


_RATINGS: Final = {
    103: "extremely happy",
    102: "very happy",
    101: "happy",
    100: "neutral",
    -101: "unhappy",
    -102: "very unhappy",
    -103: "extremely unhappy",
}


def latest_ratings(ratings: list[Record]) -> dict[str, str]:
    """Ticket id -> its newest rating in words (https://developers.freshdesk.com/api/#satisfaction-ratings)."""
    newest: dict[str, str] = {}
    for rating in sorted(ratings, key=lambda entry: text(entry, "created_at")):
        ticket = ident(rating, "ticket_id")
        answers = record_of(rating.get("ratings") or {}, "ratings")
        value = number(answers, "default_question")
        if ticket is not None and value is not None:
            newest[ticket] = _RATINGS.get(value, str(value))
    return newest


def _named(records: list[Record]) -> dict[str, str]:
    return {needed_ident(record, "id"): text(record, "name") for record in records}
