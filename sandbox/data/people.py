"""Agents, contacts and companies of the account."""

from dataclasses import dataclass
from random import Random

from sandbox.data import library
from sandbox.data.model import Company, Person

AGENT_BASE = 67_000_000_100
CONTACT_BASE = 67_000_001_000
COMPANY_BASE = 67_000_000_500
GROUP_BASE = 67_000_000_010
PRODUCT_BASE = 67_000_000_040
SUPPORT_DOMAIN = "support.hanbitcloud.example"
CONTACTS_PER_COMPANY = 5


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody in the account, by id."""

    agents: dict[int, Person]
    agent_groups: dict[int, int]
    #: Ticket scope by agent: 1 global, 2 group, 3 restricted (https://developers.freshdesk.com/api/#agents).
    agent_scopes: dict[int, int]
    contacts: dict[int, Person]
    companies: dict[int, Company]
    groups: dict[str, int]
    products: dict[str, int]

    def person(self, person_id: int) -> Person:
        """An agent or a contact."""
        return self.agents.get(person_id) or self.contacts[person_id]

    def company_of(self, contact_id: int) -> Company | None:
        """The company a contact works for, if any."""
        company_id = self.contacts[contact_id].company_id
        return self.companies[company_id] if company_id else None


def directory(seed: int) -> Directory:
    """The people of an account: another seed gives other contacts."""
    rng = Random(f"{seed}:people")
    source = library.people()
    groups = {key: GROUP_BASE + n for n, key in enumerate(source.groups)}
    products = {key: PRODUCT_BASE + n for n, key in enumerate(source.products)}
    agents: dict[int, Person] = {}
    agent_groups: dict[int, int] = {}
    scopes: dict[int, int] = {}
    for n, spec in enumerate(source.agents):
        person = Person(
            AGENT_BASE + n, spec.name, f"{spec.mail}@{SUPPORT_DOMAIN.removeprefix('support.')}", spec.lang, job_title=spec.title
        )
        agents[person.id] = person
        agent_groups[person.id] = groups[spec.group]
        scopes[person.id] = spec.scope
    companies = {
        COMPANY_BASE + n: Company(COMPANY_BASE + n, spec.name, spec.domain, spec.lang, f"S{rng.randrange(10_000, 99_999)}", spec.industry)
        for n, spec in enumerate(source.companies)
    }
    return Directory(agents, agent_groups, scopes, _contacts(rng, companies), companies, groups, products)


def _contacts(rng: Random, companies: dict[int, Company]) -> dict[int, Person]:
    contacts: dict[int, Person] = {}
    taken: set[str] = set()
    slots: list[Company | None] = [company for company in companies.values() for _ in range(CONTACTS_PER_COMPANY)]
    # A few people write without belonging to any company, as happens in every helpdesk.
    slots += [None] * 6
    for n, company in enumerate(slots):
        lang = company.lang if company else rng.choice(("ko", "en"))
        name, mail, title = _name(rng, lang)
        domain = company.domain if company else "postbox.example"
        address = f"{mail}@{domain}"
        while address in taken:
            address = f"{mail}{rng.randrange(2, 99)}@{domain}"
        taken.add(address)
        contacts[CONTACT_BASE + n] = Person(
            CONTACT_BASE + n,
            name,
            address,
            lang,
            company_id=company.id if company else None,
            mobile=f"010-{rng.randrange(2000, 9999)}-{rng.randrange(1000, 9999)}" if lang == "ko" else None,
            phone=None if rng.random() < 0.6 else f"02-{rng.randrange(300, 999)}-{rng.randrange(1000, 9999)}",
            job_title=title,
            mailer=rng.choice(("gmail", "gmail", "outlook", "outlook", "phone", "portal")),
        )
    return contacts


def _name(rng: Random, lang: str) -> tuple[str, str, str]:
    source = library.people()
    if lang == "ko":
        family, family_mail = rng.choice(source.surnames_ko)
        given, given_mail = rng.choice(source.given_ko)
        return family + given, f"{given_mail}.{family_mail}", rng.choice(source.titles_ko)
    first, last = rng.choice(source.first_en), rng.choice(source.last_en)
    return f"{first} {last}", f"{first}.{last}".lower(), rng.choice(source.titles_en)
