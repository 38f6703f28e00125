"""An example of every command, shown below its help."""

from typing import Final

import typer

CONNECTION: Final = "conn_2e6a4ae4b9be6fadd6eb"

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "demo": ("desklore demo --tickets 200",),
    "up": ("DESKLORE_DATA_DIR=/var/lib/desklore desklore up --port 8000",),
    "serve": ("DESKLORE_QUEUE_TYPE=redis desklore serve --host 0.0.0.0",),
    "worker": ("DESKLORE_QUEUE_TYPE=redis desklore worker",),
    "bench": ("desklore bench search sync",),
    "sandbox export": ("desklore sandbox export export.zip --platform zendesk --form json",),
    "source new": ("desklore source new acmedesk --into ..",),
    "sync": ("desklore sync", f"desklore sync {CONNECTION} --full --status open --status pending", "desklore sync --dry-run"),
    "ask": ('desklore ask "환불은 며칠 걸리나요?"', 'desklore ask "How do I change my plan?" --language ko'),
    "ticket": ("desklore ticket 4711",),
    "reply": ('desklore reply 4711 --tone friendly --hint "refund was sent on Monday"',),
    "rewrite": ('desklore rewrite translate "확인 후 알려드리겠습니다." --language en', "pbpaste | desklore rewrite shorten -"),
    "search": ('desklore search "결제 오류" --type ticket --status resolved --top 5 --why',),
    "eval": ("desklore eval --set judged/ --split test",),
    "runs list": (f"desklore runs list --connection {CONNECTION}",),
    "runs show": ("desklore runs show run_547f13bbaf1ac72bc841 --follow",),
    "runs cancel": ("desklore runs cancel run_547f13bbaf1ac72bc841",),
    "failures list": (f"desklore failures list {CONNECTION}",),
    "failures show": (f"desklore failures show {CONNECTION} ticket:4711",),
    "failures retry": (f"desklore failures retry {CONNECTION} ticket:4711 ticket:4712",),
    "failures dismiss": (f"desklore failures dismiss {CONNECTION} ticket:4711",),
    "feedback list": ("desklore feedback list --rating down --since 2026-03-01",),
    "usage": ("desklore usage", "desklore usage --since 2026-03-01 --until 2026-03-31 --json"),
    "files upload": (f"desklore files upload {CONNECTION} tickets.csv manuals.zip",),
    "files list": (f"desklore files list {CONNECTION}",),
    "files delete": (f"desklore files delete {CONNECTION} upload:tickets.csv",),
    "files preview": (f"desklore files preview {CONNECTION} tickets.csv --declaration desklore.yaml",),
    "files declare": (f"desklore files declare {CONNECTION} desklore.yaml",),
    "documents list": ('desklore documents list --type ticket --text "환불"', "desklore documents list --state failed"),
    "documents show": ("desklore documents show f74a067d-fc75-5b7b-b103-ef6655885a67",),
    "documents export": ("desklore documents export exported/",),
    "documents resummarize": ("desklore documents resummarize --dry-run",),
    "documents retry": ("desklore documents retry",),
    "documents rebuild": (f"desklore documents rebuild {CONNECTION} --dry-run",),
    "backup": ("desklore backup desklore-2026-03-01.tar", "desklore backup --into /backups --keep 48"),
    "restore": ("desklore restore desklore-2026-03-01.tar --replace",),
    "storage migrate": ("desklore storage migrate --from file --to postgresql",),
    "index move": ("desklore index move --from embedded --to server",),
    "connections add": (
        "desklore connections add freshdesk acme.freshdesk.com",
        "desklore connections add zendesk acme.zendesk.com --secret email=kim@acme.com --secret api_token=…",
        "desklore connections add file uploads",
    ),
    "connections check": ("desklore connections check freshdesk acme.freshdesk.com",),
    "connections list": ("desklore connections list",),
    "connections pause": (f"desklore connections pause {CONNECTION}",),
    "connections resume": (f"desklore connections resume {CONNECTION}",),
    "connections rotate": (f"desklore connections rotate {CONNECTION} --secret api_key=…",),
    "connections delete": (f"desklore connections delete {CONNECTION} --keep-documents",),
    "connections schedule": (
        f"desklore connections schedule {CONNECTION} --every 1h",
        f'desklore connections schedule {CONNECTION} --cron "0 3 * * *" --tz Asia/Seoul',
    ),
    "connections import": (f"desklore connections import {CONNECTION} export.zip",),
    "connections deletions": (f"desklore connections deletions {CONNECTION} --keep",),
    "connections webhook": (f"desklore connections webhook {CONNECTION} --ko",),
    "webhooks register": (f"desklore webhooks register {CONNECTION}",),
    "webhooks remove": (f"desklore webhooks remove {CONNECTION}",),
    "tenants create": ('desklore tenants create acme --name "Acme Inc."',),
    "tenants list": ("desklore tenants list",),
    "tenants show": ("desklore tenants show acme",),
    "tenants delete": ("desklore tenants delete acme",),
    "tenants export": ("desklore tenants export acme acme.zip",),
    "keys create": (
        "desklore keys create sidebar --role agent --expires 2027-01-01",
        "desklore keys create billing --group 결제팀 --group freshdesk:43000123456",
    ),
    "keys list": ("desklore keys list",),
    "keys revoke": ("desklore keys revoke key_a24b9a9b3b1a74534bee",),
    "keys rotate": ("desklore keys rotate --check",),
    "settings show": ("desklore settings show",),
    "settings masking": ("desklore settings masking on --kinds email,phone,rrn",),
    "settings helpdesk-login": ("desklore settings helpdesk-login on",),
    "providers show": ("desklore providers show",),
    "providers set": (
        "desklore providers set generate anthropic claude-sonnet-4-5 --key-file key.txt",
        "desklore providers set summarize openai qwen3-32b --base-url https://llm.acme.example/v1 --fallback",
    ),
    "providers clear": ("desklore providers clear generate",),
    "people export": ("desklore people export kim@example.com --output kim.json",),
    "people erase": ("desklore people erase kim@example.com --dry-run", "desklore people erase kim@example.com --attachments"),
    "people erasures": ("desklore people erasures",),
    "export start": ("desklore export start",),
    "export list": ("desklore export list",),
    "export download": ("desklore export download acme.zip",),
    "export delete": ("desklore export delete export_5b1c0a7e2d93f4468810",),
    "audit list": (
        "desklore audit list --action document.read --since 2026-03-01 --until 2026-04-01",
        "desklore audit list --actor token:kim",
        "desklore audit list --operator",
    ),
    "budget show": ("desklore budget show",),
    "budget set": ("desklore budget set --daily-usd 5 --monthly-usd 100",),
    "budget clear": ("desklore budget clear",),
}
"""By what is typed after `desklore`."""


def show_examples(app: typer.Typer) -> None:
    """Put the examples below the help of their commands; those of groups too."""
    named = {group.name: group.typer_instance for group in app.registered_groups}
    for prefix, owner in {"": app, **named}.items():
        for command in () if owner is None else owner.registered_commands:
            name = f"{prefix} {command.name or getattr(command.callback, '__name__', '')}".strip()
            # A blank line between two of them: others are joined to one paragraph.
            command.epilog = "\n\n".join(("Examples:" if len(EXAMPLES.get(name, ())) > 1 else "Example:", *EXAMPLES.get(name, ())))
