"""What `desklore connections webhook` shows: the address, the secret, and what to enter on the helpdesk."""

from typing import Any

from backend.cli.output import Output


def tell_webhook(output: Output, made: dict[str, Any], *, korean: bool) -> None:
    """Print a webhook as the API shows it once, its steps in Korean or English."""
    guide = made["guide"]
    output.text(f"URL: {made['url']}")
    if made["secret"]:
        output.text(f"{guide['header']}: {made['secret']}")
        output.text("이 비밀 값은 지금 한 번만 보입니다." if korean else "The secret is shown this once.")
    if made["rotated"]:
        output.text("이전 비밀 값은 더 이상 통하지 않습니다." if korean else "The secret before it is worth nothing any more.")
    if not made["ready"]:
        output.text("아직 서명 비밀이 없어 웹훅을 받지 않습니다." if korean else "Nothing is taken yet: the signing secret is missing.")
    for number, step in enumerate(guide["steps_ko" if korean else "steps_en"], start=1):
        output.text(f"{number}. {step}")
