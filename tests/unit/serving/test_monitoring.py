"""The rules of Prometheus and the dashboard: about metrics that there are, and documented."""

import json
import re
from dataclasses import replace

import pytest
import yaml
from http_kit import RELEASE
from prometheus_client.parser import text_string_to_metric_families
from small import HERE

from nlp_gitops.deploy.state import Slot, State, targets
from nlp_gitops.model import Prediction
from nlp_gitops.serving.metrics import Metrics

FOLDER = HERE / "deploy" / "monitoring"
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
         for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
# What a scrape adds to the service's own labels.
SCRAPED = {"environment", "instance", "job"}


def expressions():
    shown = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in RULES] + shown


def exported():
    """Return every sample of a service that has answered, as {name: label names}."""
    metrics = Metrics(RELEASE)
    metrics.dropped_lines(lambda: 0)
    metrics.request(200, 0.01)
    metrics.predicted(["a"], [Prediction("good", {"good": 0.9})], [1])
    return {sample.name: set(sample.labels) for family in
            text_string_to_metric_families(metrics.page().decode()) for sample in family.samples}


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_and_label_is_exported_or_recorded(expression):
    known = exported()
    recorded = {rule["record"] for rule in RULES if "record" in rule}

    names = re.findall(r"(?<![\w:])(?:service_\w+|environment_model\w*:[\w:]+)", expression)
    asked = set(re.findall(r'(\w+)(?:=~|=|!=)"', expression))
    asked |= {word.strip() for part in re.findall(r"by \(([^)]*)\)", expression)
              for word in part.split(",")}

    assert set(names) <= set(known) | recorded
    assert asked <= SCRAPED.union(*known.values())


def test_the_bound_of_slow_answers_is_one_of_the_histogram():
    bounds = set(re.findall(r'le="([^"]+)"', " ".join(expressions())))
    assert bounds and all(f'le="{bound}"' in Metrics(RELEASE).page().decode() for bound in bounds)


def test_every_alert_says_how_bad_it_is_and_has_a_section_in_the_runbook():
    headings = re.findall(r"^#+ (.+)$", (HERE / "docs" / "runbook.md").read_text(), re.MULTILINE)
    for rule in RULES:
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
            assert rule["alert"] in headings


def test_prometheus_is_told_where_slots_and_proxy_are():
    state = State("staging", 8081, {"blue": Slot("m@v1.0.0", 5001)}, "blue")

    assert [(item["targets"], item["labels"]) for item in targets(state)] == [
        (["127.0.0.1:5001"], {"environment": "staging", "__part__": "slot"}),
        (["127.0.0.1:8081"], {"environment": "staging", "__part__": "proxy"})]
    assert targets(replace(state, host="0.0.0.0")) == targets(state)
    assert targets(replace(state, host="10.0.0.5"))[1]["targets"] == ["10.0.0.5:8081"]
    assert targets(State("staging", 8081)) == []


def test_a_shadow_is_an_environment_of_its_own():
    slots = {"blue": Slot("m@v1.0.0", 5001), "green": Slot("m@v1.1.0", 5002)}
    state = State("production", 8080, slots, "blue", canary="green", mirrored=True)

    assert {item["targets"][0]: item["labels"]["environment"] for item in targets(state)} == {
        "127.0.0.1:5001": "production", "127.0.0.1:5002": "production-shadow",
        "127.0.0.1:8080": "production"}
    assert "production-shadow" not in str(targets(replace(state, mirrored=False, weight=5)))


def test_what_a_hook_runs_elsewhere_is_not_scraped_here():
    slots = {"blue": Slot("m@v1.0.0", 0, "http://blue.example.org")}

    assert targets(State("staging", 8081, slots, "blue", hook="deploy/hooks/own")) == []
