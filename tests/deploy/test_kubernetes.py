"""The manifests fit together: what is selected exists, what runs is restricted, what is probed is a route."""

import re
from typing import Any

import pytest

from backend.api.app import ROUTERS
from backend.api.routes import files, imports, uploads
from tests.deploy.files import MANIFESTS, documents, manifests, pods, templates
from tools.tree import ROOT

PODS = pods()
HEALTH = {getattr(route, "path", "") for router in ROUTERS for route in router.routes}


def _kind(kind: str) -> list[dict[str, Any]]:
    return [each for each in manifests() if each["kind"] == kind]


def test_the_kustomization_takes_every_file_but_the_example() -> None:
    there = {path.name for path in MANIFESTS} - {"kustomization.yaml", "secret.example.yaml"}
    assert set(_kind("Kustomization")[0]["resources"]) == there
    assert (ROOT / "deploy/k8s").is_dir()


@pytest.mark.parametrize("name", sorted(PODS))
def test_a_pod_may_do_no_more_than_it_must(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("name", ["desklore-api", "desklore-worker"])
def test_what_lasts_is_probed_where_it_answers(name: str) -> None:
    (container,) = PODS[name]["containers"]
    probes = {key: value for key, value in container.items() if key.endswith("Probe")}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {"startupProbe", "livenessProbe"} <= set(probes)
    for probe in probes.values():
        assert probe["httpGet"]["path"] in HEALTH
        assert probe["httpGet"]["port"] in ports
    production = documents_of("config/environments/production.yaml")
    assert set(ports.values()) == {production["port" if name == "desklore-api" else "worker_port"]}
    assert PODS[name]["terminationGracePeriodSeconds"] >= 30


def test_the_api_alone_leaves_traffic_while_it_is_not_ready() -> None:
    (container,) = PODS["desklore-api"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"


def test_everything_selected_is_there() -> None:
    labels = [template["metadata"]["labels"] for template in templates().values()]
    for each in manifests():
        if each["kind"] in {"Deployment", "PodDisruptionBudget", "PodMonitor"}:
            assert any(each["spec"]["selector"]["matchLabels"].items() <= pod.items() for pod in labels), each["metadata"]["name"]
        elif each["kind"] == "Service":
            assert any(each["spec"]["selector"].items() <= pod.items() for pod in labels)
        elif each["kind"] == "NetworkPolicy":
            assert any(each["spec"]["podSelector"]["matchLabels"].items() <= pod.items() for pod in labels)
        elif each["kind"] == "HorizontalPodAutoscaler":
            assert each["spec"]["scaleTargetRef"]["name"] in PODS


def test_secrets_and_config_that_pods_read_have_an_example() -> None:
    there = {(each["kind"], each["metadata"]["name"]) for each in manifests() if each["kind"] in {"Secret", "ConfigMap"}}
    kinds = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
    read = {
        (kinds[key], source[key]["name"])
        for pod in PODS.values()
        for container in pod["containers"]
        for source in container["envFrom"]
        for key in source
    }
    assert read == there


def test_the_owner_of_the_tables_is_known_to_the_migration_alone() -> None:
    holding = {each["metadata"]["name"] for each in _kind("Secret") if "DESKLORE_DATABASE_MIGRATION_URL" in each["stringData"]}
    assert holding == {"desklore-migrate"}
    for name, pod in PODS.items():
        names = {source.get("secretRef", {}).get("name") for container in pod["containers"] for source in container["envFrom"]}
        assert ("desklore-migrate" in names) is (name == "desklore-migrate")


def test_an_example_holds_no_secret() -> None:
    values = [value for each in _kind("Secret") for value in each["stringData"].values()]
    assert all("REPLACE" in value for value in values)


def test_streams_pass_the_ingress_and_metrics_don_t() -> None:
    ingress, uploads = _kind("Ingress")
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    paths = {path["path"] for each in (ingress, uploads) for rule in each["spec"]["rules"] for path in rule["http"]["paths"]}
    assert not {path for path in paths if "/metrics".startswith(path) or "/health".startswith(path)}


def test_the_ingress_lets_files_in_where_the_api_takes_them() -> None:
    _, ingress = _kind("Ingress")
    (path,) = [path["path"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    examples = [f"/api/v1/connections/conn_1/{tail}" for tail in ("files", "files/preview", "imports", "uploads/up_1/content")]
    for taken in (files.PATH, imports.PATH, uploads.PATH):
        assert [each for each in examples if taken.fullmatch(each)], taken
    assert all(re.fullmatch(path, each) for each in examples)
    assert not re.fullmatch(path, "/api/v1/query")


def test_a_backup_is_made_each_hour_and_lies_on_a_volume_that_is_there() -> None:
    [job] = _kind("CronJob")
    assert (job["spec"]["schedule"], job["spec"]["concurrencyPolicy"]) == ("0 * * * *", "Forbid")
    pod = PODS[job["metadata"]["name"]]
    [container] = pod["containers"]
    words = container["args"]
    assert words[:2] == ["backup", "--into"]
    [mount] = [each for each in container["volumeMounts"] if each["mountPath"] == words[2]]
    [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["persistentVolumeClaim"]["claimName"] in {each["metadata"]["name"] for each in _kind("PersistentVolumeClaim")}
    assert "--keep" in words
    assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 3600, "the next one finds its place free"


def documents_of(path: str) -> dict[str, Any]:
    """The one document of a file."""
    return documents(MANIFESTS[0].__class__(path))[0]
