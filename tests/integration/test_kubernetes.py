"""Manifests against the published schemas. No cluster is run."""

import json
import subprocess

import kubernetes_validate
import pytest
import yaml
from baking import bake, run

pytestmark = pytest.mark.xdist_group("kubernetes")
VERSIONS = ("1.31", "1.35")
# Schemas of Argo's own kinds, made from its published definitions.
ARGO = "@kubernetes-models/argo-rollouts@2.0.0"
CHECK = """\
import * as kinds from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1";
import { readFileSync } from "node:fs";
for (const one of JSON.parse(readFileSync(0, "utf8"))) new kinds[one.kind](one).validate();
console.log("valid");
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project for which Kubernetes was asked for."""
    return bake(tmp_path_factory.mktemp("kubernetes") / "out", kubernetes="yes")


@pytest.fixture(scope="module")
def documents(project):
    return [document for path in sorted((project / "deploy" / "kubernetes").rglob("*.yaml"))
            for document in yaml.safe_load_all(path.read_text())
            if document["kind"] != "Kustomization"]


@pytest.fixture(scope="module")
def pods(documents):
    """Return every pod template: the service's and the judge's."""
    found = []

    def walk(value):
        if isinstance(value, dict):
            if "containers" in value:
                found.append(value)
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(documents)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_kinds_of_kubernetes_follow_its_published_schemas(documents, version):
    kinds = set()
    for document in documents:
        if not document["apiVersion"].startswith("argoproj.io"):
            kubernetes_validate.validate(document, version, strict=True)
            kinds.add(document["kind"])
    assert kinds == {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget",
                     "NetworkPolicy"}


@pytest.fixture(scope="module")
def argo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("argo")
    done = run("npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", ARGO,
               cwd=folder, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot fetch {ARGO}: {done.stderr[-200:]}")
    return folder


def argo_says(folder, found):
    return subprocess.run(["node", "--input-type=module", "-e", CHECK], cwd=folder, text=True,
                          input=json.dumps(found), capture_output=True)


def test_kinds_of_argo_rollouts_follow_its_published_schemas(argo, documents):
    found = [document for document in documents
             if document["apiVersion"].startswith("argoproj.io")]
    assert {document["kind"] for document in found} == {"Rollout", "AnalysisTemplate"}
    done = argo_says(argo, found)
    assert done.stdout == "valid\n", done.stderr
    first, *others = found
    wrong = {**first, "spec": {**first["spec"], "metrics": "none"}}
    assert argo_says(argo, [wrong, *others]).returncode != 0


def test_pods_are_not_root_cannot_write_and_hold_no_token(pods):
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]} and container["resources"]["limits"]


def test_names_in_the_manifests_fit_together(project, documents):
    by_kind = {}
    for document in documents:
        by_kind.setdefault(document["kind"], []).append(document)
    [rollout], [judge] = by_kind["Rollout"], by_kind["AnalysisTemplate"]
    services = {item["metadata"]["name"] for item in by_kind["Service"]}
    canary = rollout["spec"]["strategy"]["canary"]
    assert {canary["stableService"], canary["canaryService"]} < services
    assert all(template["templateName"] == judge["metadata"]["name"] for step in canary["steps"]
               for template in step.get("analysis", {}).get("templates", ()))
    labels = by_kind["Deployment"][0]["spec"]["template"]["metadata"]["labels"]
    for item in (*by_kind["Service"], *by_kind["NetworkPolicy"], *by_kind["PodDisruptionBudget"]):
        spec = item["spec"]
        selector = spec.get("podSelector", spec.get("selector"))
        selector = selector.get("matchLabels", selector)
        assert selector.items() <= labels.items()
    for path in (project / "deploy" / "kubernetes").rglob("kustomization.yaml"):
        listed = yaml.safe_load(path.read_text())["resources"]
        assert all((path.parent / name).exists() for name in listed)


def test_compose_and_dockerfile_keep_the_same_rules(project):
    deploy = project / "deploy"
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", deploy / "compose.yaml",
        cwd=project)
    compose = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]
    for name in ("blue", "green", "proxy"):
        assert compose[name]["read_only"] and compose[name]["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in compose[name]["ports"])
    docker = (deploy / "Dockerfile").read_text()
    assert "USER 10001:10001" in docker and "--require-hashes" in docker
    copied = [line.split()[1] for line in docker.splitlines()
              if line.startswith("COPY") and "--from" not in line]
    kept = (deploy / "Dockerfile.dockerignore").read_text().split("\n")
    assert {"vendor", "deploy/requirements.txt"} <= {*copied}
    assert all(f"!{name}" in kept for name in copied)
    assert all((project / name).exists() for name in copied if name != "build/model")
