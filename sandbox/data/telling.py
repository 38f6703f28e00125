"""What customers tell too much: made-up accounts, cards, resident and passport numbers in some tickets, so that masking shows."""

from random import Random
from typing import Final

EVERY: Final = 15
"""One ticket in so many tells too much."""
_FIRST: Final = 7

_SENTENCES: Final = {
    "ko": (
        "환불은 신한은행 {account} 계좌로 부탁드리고, 급하면 {mobile}로 연락 주세요.",
        "본인 확인이 필요하시면 주민등록번호 {starred}, 결제 카드 {card} 입니다.",
        "해외 정산 서류용 여권번호는 {passport}, 받을 계좌는 IBAN {iban} 입니다.",
        "대표자 주민등록번호 {resident}, 개인 메일 {mail} 로 확인 부탁드립니다.",
    ),
    "en": (
        "Please refund to my bank account {account}; if it is urgent call me on {mobile}.",
        "If you need to verify me: resident number {starred}, card {card}.",
        "For the payout papers my passport number is {passport} and my IBAN is {iban}.",
        "The owner's resident number is {resident}, and her private mail is {mail}.",
    ),
}
# Examples that the banks' own standard prints; nobody's account.
_IBANS: Final = ("DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19")
_WEIGHTS: Final = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


def told(ticket_id: int, lang: str, seed: int) -> str:
    """The sentence with which a customer tells too much; empty for most tickets. Its chance is its own: the rest of a story stays."""
    if ticket_id % EVERY != _FIRST:
        return ""
    sentences = _SENTENCES[lang]
    return sentences[ticket_id // EVERY % len(sentences)].format(**_facts(Random(f"{seed}:{ticket_id}:told")))


def _facts(rng: Random) -> dict[str, str]:
    birth = f"{rng.randrange(60, 99)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    return {
        "account": f"110-{rng.randrange(100, 1000)}-{rng.randrange(100_000, 1_000_000)}",
        "mobile": f"010-{rng.randrange(2000, 9999)}-{rng.randrange(1000, 9999)}",
        "starred": f"{birth}-{rng.choice('12')}******",
        "card": _card(rng),
        "passport": f"M{rng.randrange(30_000_000, 100_000_000)}",
        "iban": rng.choice(_IBANS),
        "resident": _resident(birth, rng),
        "mail": f"user{rng.randrange(100, 1000)}@mailbox.example",
    }


def _card(rng: Random) -> str:
    """Sixteen digits that pass Luhn."""
    digits = f"40000000{rng.randrange(10_000_000):07d}"
    total = sum(map(int, digits[-2::-2])) + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-1::-2])
    whole = f"{digits}{-total % 10}"
    return " ".join(whole[start : start + 4] for start in range(0, 16, 4))


def _resident(birth: str, rng: Random) -> str:
    """A number whose check digit is wrong, so that it can be nobody's."""
    digits = f"{birth}{rng.choice('12')}{rng.randrange(100_000):05d}"
    right = (11 - sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11) % 10
    return f"{digits[:6]}-{digits[6:]}{(right + 1) % 10}"
