"""Where a rollout's proxy listens, and which texts it tries a version with."""

import json
import os
import shutil
from dataclasses import replace

import pytest
from small import HERE

from nlp_gitops.core.errors import UsageError
from nlp_gitops.core.names import ModelRef
from nlp_gitops.deploy import command, nginx, place, processes
from nlp_gitops.deploy.place import Place
from nlp_gitops.deploy.state import LOOPBACK, Slot, State
from nlp_gitops.deploy.target import Machine
from nlp_gitops.incidents.drill import Stage

REF = ModelRef.parse("m@v1.0.0")
MANIFEST = {"labels": ["good"], "artifacts": [{"sha256": "a"}]}
ALL = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"]


def has_nginx():
    return bool(shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"))


@pytest.mark.skipif(not has_nginx(), reason="nginx is not installed: apt-get install nginx-light")
@pytest.mark.parametrize("host", ALL)
def test_the_proxy_is_reached_where_it_listens(project, host):
    if ":" in host and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    shutil.copytree(HERE / "deploy", project.root / "deploy")
    project.root.chmod(0o755)
    folder = project.root / "place"
    folder.mkdir()
    target = Machine(project, folder, None, host, processes.free_port())
    now = State("production", target.port, {"blue": Slot(str(REF), 5001)}, "blue", generation=1,
                host=host)
    nginx.check_address(host)
    try:
        target.route(now)
        first = target.is_routed(now)
        target.route(replace(now, generation=2))
        second = target.is_routed(replace(now, generation=2))
    finally:
        target.halt(now)

    assert first and second and not target.is_routed(now)


@pytest.mark.parametrize("host", ["203.0.113.9", "2001:db8::9", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_one_line_before_anything_is_touched(project, host):
    order = command.Order("production", stage="production", host=host)

    with pytest.raises(UsageError, match=f"--host {host} is no address of this machine"):
        command.carry_out(project, order, command.Story(print))

    assert not (project.root / ".deploy" / "production" / "state.json").exists()


@pytest.fixture
def sent(monkeypatch):
    """What a smoke test sends; every request is answered well."""
    found = []

    def answer(url, value):
        found.append(value)
        return {"label": "good", "predictions": [{"label": "good"}]}

    monkeypatch.setattr(processes, "get", lambda url: {"archive_sha256": "a"})
    monkeypatch.setattr(processes, "post", answer)
    return found


class Elsewhere:
    """A target where every version starts."""

    def start(self, name, ref, fault):
        return Slot(str(ref), 1)


def smoke_test(project, folder, texts, **limits):
    """Start a version in an environment whose service has these limits."""
    project = replace(project, service=replace(project.service, **limits))
    here = Place(project, State("staging", 1), folder, Elsewhere(), None, print, texts)
    place.started(here, here.begun, REF, MANIFEST)


def test_a_smoke_test_sends_no_more_texts_at_once_than_the_service_takes(project, tmp_path, sent):
    smoke_test(project, tmp_path, ["one", "two", "three"], max_batch=2)

    assert sent == [{"text": "one"}, {"text": "two"}, {"texts": ["one", "two"]}]


def test_a_smoke_test_sends_no_more_bytes_at_once_than_the_service_takes(project, tmp_path, sent):
    # Three bytes of UTF-8 each, and six in JSON.
    smoke_test(project, tmp_path, ["\u8336" * 50] * 9, max_body_bytes=1000)

    assert len(json.dumps(sent[-1])) <= 1000 and len(sent[-1]["texts"]) == 3


def test_texts_that_the_service_would_refuse_as_too_long_are_not_sent(project):
    every = command.texts(project)
    most = sorted(map(len, every))[len(every) // 2]
    limited = replace(project, service=replace(project.service, max_text_characters=most))

    assert command.texts(limited) == [text for text in every if len(text) <= most] != every
    none = replace(project, service=replace(project.service, max_text_characters=3))
    with pytest.raises(UsageError, match=r"longer than service.max_text_characters .* \(3\)"):
        command.texts(none)


def test_an_incident_is_practised_with_prompts_that_answer_from_records(project, monkeypatch):
    seen = []

    def carry_out(project, order, story):
        with command._place(project, order, story) as here:
            seen.append(here.target)
        return {"verdict": "PASS"}

    monkeypatch.setattr(command, "carry_out", carry_out)
    Stage(project, print).deploy()

    assert [(target.records, target.host) for target in seen] == [(True, LOOPBACK)]
