"""Alerts and the dashboard ask for metrics, labels and routes that exist, and each alert has its section in the runbook."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from backend.api.app import ROUTERS
from backend.observability.metrics import METRICS, MetricKind, exposed_name
from tests.deploy.files import ALERTS, DASHBOARD, alerts, documents
from tools.tree import ROOT

RULES = [rule for group in documents(ALERTS)[0]["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
OF_OTHERS = {"up", "process_resident_memory_bytes", "process_open_fds"}
"""Prometheus' own, and those of its client for any process."""


def _exposed() -> dict[str, frozenset[str]]:
    """Every series Prometheus sees of ours, and its labels."""
    found: dict[str, frozenset[str]] = {}
    for name, metric in METRICS.items():
        if metric.kind is MetricKind.HISTOGRAM:
            found |= {f"{exposed_name(name)}_{part}": frozenset(metric.labels) for part in ("count", "sum")}
            found[f"{exposed_name(name)}_bucket"] = frozenset({*metric.labels, "le"})
        else:
            found[exposed_name(name)] = frozenset(metric.labels)
    return found


EXPOSED = _exposed()
ROUTES = {getattr(route, "path", "") for router in ROUTERS for route in router.routes}


def _panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / DASHBOARD).read_text(encoding="utf-8"))["panels"]
    return found


EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for panel in _panels() for target in panel.get("targets", ())]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_exists(expression: str) -> None:
    bare = re.sub(r'"[^"]*"', '""', expression)
    names = set(re.findall(r"\b(?:desklore|process)[a-z_:0-9]*[a-z0-9]\b", bare)) | ({"up"} if re.search(r"\bup\{", bare) else set())
    assert names
    assert names <= set(EXPOSED) | RECORDED | OF_OTHERS
    for name, labels in re.findall(r"\b(desklore_\w+)\{([^}]*)\}", bare):
        assert set(re.findall(r"(\w+)\s*[=!]~?", labels)) <= EXPOSED[name] | {"job", "instance"}
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", bare) for label in group.split(",")}
    assert grouped <= frozenset({"job", "instance"}).union(*(EXPOSED.get(name, frozenset()) for name in names))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_closed_and_names_routes_that_exist(expression: str) -> None:
    bare = re.sub(r'"[^"]*"', "", expression)
    for opening, closing in ("()", "{}", "[]"):
        assert bare.count(opening) == bare.count(closing)
    assert set(re.findall(r'route="([^"]*)"', expression)) <= ROUTES
    for bound, metric in re.findall(r'le="([^"]*)"()', expression):
        assert float(bound) in METRICS["schedule_lag_seconds"].buckets, metric


def test_an_alert_says_how_urgent_it_is_and_where_to_read_on() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names))
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?m)^### (Desklore\w+)$", text)) == {rule["alert"] for rule in alerts()}


def test_alerts_are_watched_under_the_names_that_are_scraped() -> None:
    jobs = {each["job_name"] for each in documents(Path("deploy/prometheus/prometheus.example.yaml"))[0]["scrape_configs"]}
    assert jobs == {"desklore-api", "desklore-worker"}


def test_the_alertmanager_s_example_leads_somewhere() -> None:
    (document,) = documents(Path("deploy/alertmanager/alertmanager.example.yaml"))
    there = {receiver["name"] for receiver in document["receivers"]}
    assert {document["route"]["receiver"], *(route["receiver"] for route in document["route"]["routes"])} == there
    named = set(re.findall(r"Desklore\w+", json.dumps(document["inhibit_rules"])))
    assert named <= {rule["alert"] for rule in alerts()}


def test_panels_don_t_lie_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in _panels():
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in _panels()}) == len(_panels())
