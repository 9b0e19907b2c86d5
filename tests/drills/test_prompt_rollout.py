"""A prompt's way to production and back: a provider on loopback, the real nginx, and load."""

import json
from pathlib import Path

import pytest
from baking import bake, commit, run, tool, with_venv
from llm_kit import Endpoint, completion, serving
from service_kit import NGINX, V0, Load, Production, register

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(
    not NGINX, reason="nginx is not installed: apt-get install nginx")]

V1 = "review-sentiment@v1.1.0"
WAYS = ("--candidate", V1, "--every", "0.3", "--deadline", "120")


@pytest.fixture
def project(tmp_path, venv):
    """A bake whose prompt is answered by an endpoint."""
    found = with_venv(bake(tmp_path / "out", task="prompt-classification"), venv)
    path = found / "project.yaml"
    path.write_text(path.read_text().replace(
        "{provider: stand-in,", "{provider: openai, model: tiny, "
        "price: {input: 0.4, output: 1.6},"))
    commit(found, "Ask an endpoint")
    return found


@pytest.fixture
def env(project, tmp_path, venv):
    """What commands need to ask an endpoint that knows the rows of the dataset."""
    labels = {row["text"]: row["label"] for path in (project / "data").glob("*.jsonl")
              for row in map(json.loads, path.read_text().splitlines())}

    def say(message, _):
        text = message.rpartition("<text>\n")[2].partition("\n</text>")[0]
        return completion(json.dumps({"label": labels.get(text, "positive")}), (280, 6))

    run("uv", "pip", "install", "--quiet", "--python", venv / "bin" / "python", "--target",
        tmp_path / "extra", "openai", cwd=tmp_path)
    with serving(Endpoint(say)) as url:
        yield {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "any",
               "PYTHONPATH": str(tmp_path / "extra")}


def test_a_prompt_is_registered_shadowed_canaried_promoted_and_rolled_back(
        project, env, tmp_path):
    register(project, LLM_ANSWERS="live", **env)
    # Without key and network: a rehearsal answers from the records of the gate.
    tool(project, "deploy", "--environment", "staging", "--stage", "staging", "--rehearsal")
    tool(project, "promote", V0, "--to", "production")
    old = next(project.glob("prompts/*/prompt_v0.3.1.txt"))
    old.with_name("prompt_v0.4.0.txt").write_text(old.read_text().replace(
        "version: 0.3.1", "version: 0.4.0").replace("the writer thinks", "the customer thinks"))
    commit(project, "Say customer")
    register(project, LLM_ANSWERS="live", **env)
    tool(project, "promote", V1, "--to", "shadow")
    production = Production(project)
    production.deploy("--stage", "production", "--port", str(production.port), **env)

    try:
        with Load(production.port, pause=0.01) as load:
            shadow = rollout(production, "shadow", tmp_path / "shadow.json", env)
            assert set(load.versions) == {"v1.0.0"}
            canary = rollout(production, "canary", tmp_path / "canary.json", env)
            assert load.versions["v1.1.0"] > 100
            tool(project, "promote", V1, "--to", "production")
            production.deploy("--stage", "production", **env)
            load.forget()
            load.wait_for("v1.1.0", 50)
            tool(project, "rollback", "--reason", "drill")
            production.deploy("--stage", "production", **env)
            load.forget()
            load.wait_for("v1.0.0", 50)
    finally:
        production.deploy("--stop")

    assert load.failed == {}
    assert shadow["verdict"] == canary["verdict"] == "PASS"
    assert shadow["shadow"]["test_split"]["texts"] > 500
    tool(project, "registry", "pull", V1, "--out", str(tmp_path / "pulled"))
    manifest = json.loads((tmp_path / "pulled" / "manifest.json").read_text())
    assert manifest["prompt"]["version"] == "0.4.0" and len(manifest["prompt"]["sha256"]) == 64
    assert manifest["provider"] == {
        "provider": "openai", "model": "tiny", "fallback": "abstain",
        "params": {"temperature": 0, "max_output_tokens": 20}}


def rollout(production, strategy: str, evidence: Path, env):
    production.deploy("--strategy", strategy, *WAYS, "--evidence-out", str(evidence), **env)
    return json.loads(evidence.read_text())
