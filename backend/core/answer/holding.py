"""A reply that promises nothing but an answer, and what an agent is told about a draft, in Korean and English."""

from collections.abc import Mapping
from typing import Final

from backend.core.model.answer import ReplyMaterial

_HOLDING: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "ko": {
        "friendly": (
            "안녕하세요{name}.\n",
            "문의해 주신 내용을 확인하고 있습니다. 확인되는 대로 다시 안내해 드리겠습니다.\n",
            "감사합니다.{sign}",
        ),
        "formal": (
            "안녕하십니까{name}.\n",
            "문의해 주신 내용을 확인하고 있습니다. 확인되는 대로 다시 안내해 드리겠으니 양해해 주시기 바랍니다.\n",
            "감사합니다.{sign}",
        ),
        "concise": (
            "안녕하세요{name}.\n",
            "문의하신 내용을 확인하고 있습니다. 확인되는 대로 안내해 드리겠습니다.{sign}",
        ),
    },
    "en": {
        "friendly": (
            "Hello{name},\n",
            "Thank you for contacting us. We are looking into your request and will get back to you as soon as we know more.\n",
            "Best regards,{sign}",
        ),
        "formal": (
            "Dear {addressee},\n",
            "Thank you for contacting us. We are looking into your request and will inform you as soon as we know more.\n",
            "Yours sincerely,{sign}",
        ),
        "concise": ("Hello{name},\n", "We are looking into this and will get back to you.\n", "Regards,{sign}"),
    },
}
UNGROUNDED: Final = {
    "ko": "이 티켓의 해결 방법을 알려 주는 자료를 찾지 못해, 접수 안내만 작성했습니다.",
    "en": "No source says how to solve this ticket; the draft only acknowledges it.",
}
LEAKED: Final = {
    "ko": "초안에 내부 메모와 같은 문장이 있어 초안을 버리고, 접수 안내만 작성했습니다.",
    "en": "The draft repeated an internal text and was thrown away; this one only acknowledges the ticket.",
}
CONVERSATION: Final = {
    "ko": "다른 고객의 티켓을 근거로 했습니다. 그 고객의 정보가 들어 있지 않은지 확인해 주세요.",
    "en": "It rests on another customer's ticket: check that nothing about that customer is in it.",
}
OTHER_LANGUAGE: Final = {
    "ko": "초안의 안내가 요청한 언어와 다른 언어로 되어 있습니다. 번역한 뒤 보내 주세요.",
    "en": "The instructions in the draft are in another language than asked for; translate them before sending.",
}


def holding_reply(material: ReplyMaterial) -> str:
    """A reply that promises nothing but an answer, for when the sources don't help."""
    texts = _HOLDING["ko" if is_korean(material.language) else "en"]
    text = "\n".join(texts.get(material.tone, texts["friendly"]))
    customer = material.customer
    if is_korean(material.language):
        return text.format(name=f", {customer}님" if customer else "", sign=f"\n{material.agent} 드림" if material.agent else "")
    name = f" {customer}" if customer else ""
    return text.format(name=name, addressee=customer or "Customer", sign=f"\n{material.agent}" if material.agent else "")


def told(language: str, texts: Mapping[str, str]) -> str:
    """The text in this language, else in English."""
    return texts.get(language.split("-", 1)[0], texts["en"])


def is_korean(language: str) -> bool:
    """Whether a language tag (`ko`, `ko-KR`) is Korean."""
    return language.split("-", 1)[0] == "ko"
