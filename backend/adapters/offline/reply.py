"""Reply drafts that quote: a frame in the language and tone asked for around the sources' own steps, or NO_ANSWER."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from backend.adapters.offline.answer import Quote, choose_quotes
from backend.adapters.offline.register import in_register
from backend.core.model.answer import ReplyMaterial
from backend.core.model.ticket import Role
from backend.core.prompts.answer import NO_ANSWER
from backend.core.text.tokens import Tokenizer

_STEPS: Final = {"short": 2, "medium": 5, "long": 8}
"""Steps that are told, but for a numbered list, which is told whole: half a recipe helps nobody."""


class _Frame(Struct, frozen=True, kw_only=True):
    """What stands around the steps; an empty line of it is left out."""

    greeting: str
    nobody: str
    """Whom to greet where the name isn't known."""
    regret: str
    lead: str
    offer: str
    closing: str
    signature: str


_FRAMES: Final = {
    ("ko", "friendly"): _Frame(
        greeting="안녕하세요, {name}.",
        nobody="고객님",
        regret="문의해 주신 '{title}' 건으로 불편을 드려 죄송합니다.",
        lead="아래와 같이 진행해 주세요.",
        offer="추가로 궁금하신 점이 있으시면 언제든지 회신해 주세요.",
        closing="감사합니다.",
        signature="{agent} 드림",
    ),
    ("ko", "formal"): _Frame(
        greeting="안녕하십니까, {name}.",
        nobody="고객님",
        regret="문의해 주신 '{title}' 건으로 불편을 드려 대단히 죄송합니다.",
        lead="아래 안내를 참고해 주시기 바랍니다.",
        offer="추가로 궁금하신 점이 있으시면 언제든지 회신해 주시기 바랍니다.",
        closing="감사합니다.",
        signature="{agent} 드림",
    ),
    ("ko", "concise"): _Frame(
        greeting="안녕하세요, {name}.",
        nobody="고객님",
        regret="",
        lead="'{title}' 건은 아래와 같이 진행해 주세요.",
        offer="",
        closing="감사합니다.",
        signature="{agent} 드림",
    ),
    ("en", "friendly"): _Frame(
        greeting="Hi {name},",
        nobody="there",
        regret='Thank you for contacting us, and sorry for the trouble with "{title}".',
        lead="Here is what to do:",
        offer="If anything is still unclear, just reply to this message.",
        closing="Best regards,",
        signature="{agent}",
    ),
    ("en", "formal"): _Frame(
        greeting="Dear {name},",
        nobody="Customer",
        regret='Thank you for contacting us. We apologize for the inconvenience regarding "{title}".',
        lead="Please proceed as follows:",
        offer="Should anything remain unclear, please reply to this message.",
        closing="Yours sincerely,",
        signature="{agent}",
    ),
    ("en", "concise"): _Frame(
        greeting="Hi {name},",
        nobody="there",
        regret="",
        lead='For "{title}":',
        offer="",
        closing="Regards,",
        signature="{agent}",
    ),
}


def reply(material: ReplyMaterial, tokenizer: Tokenizer) -> str:
    """A polite draft: greeting, the problem in a line, the steps with their numbers, closing; or NO_ANSWER."""
    said = " ".join(part.text[:600] for part in material.parts if part.role is Role.CUSTOMER)
    limit = _STEPS.get(material.length, _STEPS["medium"])
    quotes = choose_quotes(f"{material.title} {material.hint} {said}", material.sources, tokenizer, limit=limit, steps_only=True)
    return "\n".join(_lines(material, quotes)) if quotes else NO_ANSWER


def _lines(material: ReplyMaterial, quotes: Sequence[Quote]) -> list[str]:
    korean = material.language.split("-", 1)[0] == "ko"
    frame = _FRAMES.get(("ko" if korean else "en", material.tone)) or _FRAMES["ko" if korean else "en", "friendly"]
    short = material.length == "short"
    customer = f"{material.customer}님" if korean and material.customer else material.customer
    # A blank line after a greeting is a custom of English letters.
    lines = [frame.greeting.format(name=customer or frame.nobody), *([] if korean else [""])]
    if frame.regret and not short:
        lines += [frame.regret.format(title=material.title), ""]
    lines += [frame.lead.format(title=material.title), *(_step(quote, material) for quote in quotes), ""]
    if frame.offer and not short:
        lines += [frame.offer] if korean else [frame.offer, ""]
    lines.append(frame.closing)
    return [*lines, frame.signature.format(agent=material.agent)] if material.agent else lines


def _step(quote: Quote, material: ReplyMaterial) -> str:
    return in_register(quote.step, material.tone, material.language)
