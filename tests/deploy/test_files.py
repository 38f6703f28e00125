"""Every file of an installation can be read, names what exists, and pins what it takes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from backend.settings import Settings
from tests.deploy.files import (
    COMPOSE,
    DASHBOARD,
    OF_OTHERS,
    YAML,
    documents,
    instructions,
    manifests,
    ours,
    pods,
    services,
    strings,
    variables,
)
from tools.addresses import check, machine_pattern
from tools.tree import ROOT, files

KEYWORDS = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
SECRETS = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}


@pytest.mark.parametrize("path", YAML, ids=str)
def test_a_yaml_file_holds_documents(path: Path) -> None:
    assert all(isinstance(each, dict) and each for each in documents(path))


def test_the_dashboard_is_json() -> None:
    assert json.loads((ROOT / DASHBOARD).read_text(encoding="utf-8"))["title"] == "Desklore"


def test_the_dockerfile_has_instructions_only() -> None:
    found = instructions()
    assert {word for word, _ in found} <= KEYWORDS
    for word, rest in found:
        if word in {"CMD", "ENTRYPOINT", "VOLUME"}:
            assert isinstance(json.loads(rest), list)


def test_what_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    copied = {name for word, rest in instructions() if word == "COPY" and "--from" not in rest for name in rest.split()[:-1]}
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)


def _named_in_compose() -> set[str]:
    return {name for service in services().values() if ours(service) for name in service.get("environment", {})}


def _named_in_kubernetes() -> set[str]:
    kept = {
        name
        for each in manifests()
        if each["kind"] in {"ConfigMap", "Secret"}
        for name in each["data" if each["kind"] == "ConfigMap" else "stringData"]
    }
    return kept | {entry["name"] for pod in pods().values() for container in pod["containers"] for entry in container.get("env", ())}


def _named_in_the_dockerfile() -> set[str]:
    return {name for word, rest in instructions() if word == "ENV" for name in re.findall(r"(\w+)=", rest) if not name.startswith("PIP_")}


@pytest.mark.parametrize("named", [_named_in_compose, _named_in_kubernetes, _named_in_the_dockerfile])
def test_every_variable_is_a_setting_or_documented_by_others(named: Any) -> None:
    assert named() - OF_OTHERS - variables() == set()
    assert any(name.startswith("DESKLORE_") for name in named())


def test_the_example_of_the_environment_has_what_compose_asks_for() -> None:
    text = (ROOT / COMPOSE).read_text(encoding="utf-8")
    example = (ROOT / "deploy/compose/.env.example").read_text(encoding="utf-8")
    asked = set(re.findall(r"(?<!\$)\$\{(\w+):\?", text))
    with_default = set(re.findall(r"(?<!\$)\$\{(\w+):-", text))
    assert set(re.findall(r"(?m)^(\w+)=$", example)) == asked
    assert set(re.findall(r"(?m)^#(\w+)=", example)) == with_default
    assert not with_default & {name for name in asked if re.search("PASSWORD|KEY|SECRET|PEPPER", name)}


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/environments/*.yaml")), ids=lambda path: path.stem)
def test_an_environment_names_settings_without_secrets(path: Path) -> None:
    values = documents(path.relative_to(ROOT))[0]
    assert set(values) <= set(Settings.model_fields) - SECRETS


@pytest.mark.parametrize("name", ["development", "staging", "production"])
def test_an_environment_starts_with_the_secrets_beside_it(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    secret = "f" * 64
    given = {"OPERATOR_KEY": secret, "MASTER_KEYS": f"k1:{secret}", "JWT_SECRET": secret, "KEY_PEPPER": secret, "S3_BUCKET": "b"}
    given |= {"DATABASE_URL": "postgresql://desklore_app@db/desklore", "REDIS_URL": "redis://r", "QDRANT_URL": "http://q"}
    for variable, value in given.items():
        monkeypatch.setenv(f"DESKLORE_{variable}", value)
    settings = Settings(config_file=ROOT / f"config/environments/{name}.yaml")
    assert (settings.environment.value == "development") is (name == "development")


def _images() -> set[str]:
    bases = {rest.partition("=")[2] for word, rest in instructions() if word == "ARG" and "IMAGE" in rest}
    kubernetes = {
        f"{each['newName']}:{each['newTag']}"
        for document in manifests()
        if document["kind"] == "Kustomization"
        for each in document["images"]
    }
    return bases | kubernetes | {re.sub(r"\$\{\w+:-(.*)\}", r"\1", service["image"]) for service in services().values()}


@pytest.mark.parametrize("image", sorted(_images()))
def test_an_image_is_pinned_to_a_version_and_names_no_registry(image: str) -> None:
    name, _, tag = image.partition(":")
    assert tag
    assert "latest" not in tag
    assert "." not in name.split("/")[0]


def test_nothing_takes_the_newest_of_anything() -> None:
    for path in YAML:
        for text in (each for document in documents(path) for each in strings(document)):
            assert not re.search(r"[:@]latest\b|@main\b|@master\b", text), f"{path}: {text}"


def test_no_file_names_a_registry_or_a_machine() -> None:
    machine = machine_pattern(ROOT)
    names = [
        name for name in files() if name.startswith(("deploy/", "config/", ".github/")) or name in {"Dockerfile", "docker-compose.yml"}
    ]
    assert names
    for name in names:
        assert list(check(name, (ROOT / name).read_text(encoding="utf-8"), machine)) == []
