"""What deploy/ and its like hold, read once: the documents, and the names they use."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from backend.cli.config import ClientSettings
from backend.settings import Settings
from tools.docs import variables_of
from tools.tree import ROOT

YAML: Final = sorted(
    path.relative_to(ROOT)
    for pattern in ("docker-compose.yml", "deploy/**/*.yaml", "config/environments/*.yaml", ".github/workflows/*.yml")
    for path in ROOT.glob(pattern)
)
MANIFESTS: Final = [path for path in YAML if path.parts[:2] == ("deploy", "k8s")]
COMPOSE: Final = Path("docker-compose.yml")
ALERTS: Final = Path("deploy/prometheus/alerts.yaml")
DASHBOARD: Final = Path("deploy/grafana/desklore.json")
OF_OTHERS: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",  # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/configuration.html
        "AWS_SECRET_ACCESS_KEY",
        "FORWARDED_ALLOW_IPS",  # https://www.uvicorn.org/settings/
        "LANG",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",  # https://docs.python.org/3/using/cmdline.html
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
    }
)
"""What a container of ours may be given beside our settings, each documented by whom it belongs to."""


def variables() -> frozenset[str]:
    """Every variable that is a setting."""
    return frozenset(
        variable
        for model in (Settings, ClientSettings)
        for name, field in model.model_fields.items()
        for variable in variables_of(model, name, field)
    )


def documents(path: Path) -> list[dict[str, Any]]:
    """All documents of a YAML file."""
    return list(yaml.safe_load_all((ROOT / path).read_text(encoding="utf-8")))


def manifests() -> list[dict[str, Any]]:
    """All objects for Kubernetes."""
    return [each for path in MANIFESTS for each in documents(path)]


def services() -> dict[str, dict[str, Any]]:
    """The services of Compose."""
    found: dict[str, dict[str, Any]] = documents(COMPOSE)[0]["services"]
    return found


def ours(service: dict[str, Any]) -> bool:
    """Whether a service of Compose runs our image."""
    return "desklore" in service["image"]


def templates() -> dict[str, dict[str, Any]]:
    """What each Deployment, Job and CronJob makes its pods of."""
    made = {"Deployment": lambda spec: spec, "Job": lambda spec: spec, "CronJob": lambda spec: spec["jobTemplate"]["spec"]}
    return {each["metadata"]["name"]: made[each["kind"]](each["spec"])["template"] for each in manifests() if each["kind"] in made}


def pods() -> dict[str, dict[str, Any]]:
    """The pod of each of them."""
    return {name: template["spec"] for name, template in templates().items()}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: keyword and the rest as one line."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", text))
    return [(word, rest) for line in joined.splitlines() if line.strip() for word, _, rest in [line.partition(" ")]]


def alerts() -> list[dict[str, Any]]:
    """Every alert rule."""
    return [rule for group in documents(ALERTS)[0]["groups"] for rule in group["rules"] if "alert" in rule]


def strings(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
