"""The rules' own tests pass and do notice a fault, and Grafana knows the dashboard."""

import json
import shutil
import subprocess
from itertools import combinations

import pytest
import yaml
from baking import ROOT, TEMPLATE, run
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

FOLDER = TEMPLATE / "deploy" / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
ALERTS = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
          for rule in group["rules"] if "alert" in rule]


def verdict_on(folder, rules):
    """Run the rules' own tests on other rules; return what promtool answers."""
    shutil.copy(FOLDER / "rules.test.yml", folder)
    (folder / "rules.yml").write_text(rules)
    return subprocess.run(["promtool", "test", "rules", "rules.test.yml"], cwd=folder,
                          capture_output=True, text=True).returncode


@pytest.mark.skipif(not shutil.which("promtool"),
                    reason="promtool is not installed: apt-get install prometheus")
@pytest.mark.parametrize("command", [
    ("check", "rules", "rules.yml"), ("check", "config", "prometheus.yml"),
    ("test", "rules", "rules.test.yml")], ids=" ".join)
def test_promtool_accepts(command):
    done = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"),
                    reason="promtool is not installed: apt-get install prometheus")
@pytest.mark.heavy
@pytest.mark.parametrize("number", range(len(ALERTS)))
@pytest.mark.parametrize("expression", ["vector(1)", "vector(1) > 2"], ids=["always", "never"])
def test_the_tests_of_the_rules_notice_an_alert_that_always_or_never_fires(tmp_path, number,
                                                                           expression):
    value = yaml.safe_load((FOLDER / "rules.yml").read_text())
    rules = [rule for group in value["groups"] for rule in group["rules"] if "alert" in rule]
    rules[number]["expr"] = expression

    assert verdict_on(tmp_path, yaml.safe_dump(value)) == 1


@pytest.mark.skipif(not shutil.which("promtool"),
                    reason="promtool is not installed: apt-get install prometheus")
@pytest.mark.heavy
@pytest.mark.parametrize("old, new", [
    ("> 14.4 * 0.005", "> 60 * 0.005"), ("> 14.4 * 0.01", "> 60 * 0.01"), ("> 0.1\n", "> 0.5\n"),
    ("service_requests:increase1h > 200", "service_requests:increase1h > 0"), ("> 5\n", "> 500\n"),
    ('status=~"5.."', 'status=~"[45].."'), ("for: 5m", "for: 0m"), ("for: 1m", "for: 0m"),
    ('environment="production"', 'environment=~".+"'), ("> 500\n", "> 0\n"),
    ('le="0.2584939"', 'le="0.1"')])
def test_the_tests_of_the_rules_notice_a_bound_that_moved(tmp_path, old, new):
    rules = (FOLDER / "rules.yml").read_text()
    assert old in rules
    assert verdict_on(tmp_path, rules.replace(old, new)) == 1


def lost(ours, theirs, path=""):
    """Yield what a model of Grafana's did not keep of a dashboard."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs.get(key), f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs)):
            yield from lost(*pair, f"{path}/{number}")
    elif ours != theirs:
        yield path


def kept(dashboard):
    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))


def test_grafana_s_own_types_know_every_field_of_the_dashboard():
    assert list(lost(DASHBOARD, kept(DASHBOARD))) == []


def test_a_field_that_grafana_does_not_know_is_noticed():
    panel = {**DASHBOARD["panels"][0], "titel": "typo"}
    assert list(lost({"panels": [panel]}, kept({"panels": [panel]}))) == ["/panels/0/titel"]


def test_no_two_panels_overlap_or_share_an_id():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for a, b in combinations([panel["gridPos"] for panel in panels], 2):
        assert (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])
        assert a["x"] + a["w"] <= 24


def test_the_issue_forms_are_what_github_takes():
    run("check-jsonschema", "--builtin-schema", "vendor.github-issue-forms",
        *sorted((TEMPLATE / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), cwd=ROOT)
