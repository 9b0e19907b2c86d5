"""Starting and stopping one service process, and asking whether it is well."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from nlp_gitops.core.errors import CheckFailed, NotMeasured
from nlp_gitops.core.names import ModelRef
from nlp_gitops.deploy.counts import headers
from nlp_gitops.deploy.state import Slot, pid_of

START_SECONDS = 120.0
STOP_SECONDS = 15.0


def start(root: Path, folder: Path, name: str, ref: ModelRef, registry: str | None,
          fault: str | None = None, records: bool = False) -> Slot:
    """Start a version in a slot and wait until it is ready; raise CheckFailed if it never is.

    It outlives this process, answers only while its lease holds, and writes NAME.out beside it.
    """
    stop(folder, name)
    slot = Slot(str(ref), free_port())
    command = [sys.executable, str(root / "tools" / "serve.py"), str(ref), "--port", str(slot.port),
               "--variant", name, "--lease", str(folder / f"{name}.lease"),
               "--pid-file", str(folder / f"{name}.pid"), "--log", str(folder / "predictions"),
               *(("--registry", registry) if registry else ()),
               *(("--fault", fault) if fault else ()),
               *(("--records",) if records else ())]
    with open(folder / f"{name}.out", "wb") as output:
        process = subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env=surviving())
    _wait_until_ready(process, slot, folder / f"{name}.out")
    return slot


def surviving() -> dict[str, str]:
    """Return an environment whose processes outlive a job: a runner ends those it can recognise."""
    return {**os.environ, "RUNNER_TRACKING_ID": ""}


def _wait_until_ready(process: "subprocess.Popen[bytes]", slot: Slot, output: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while not is_ready(slot):
        if process.poll() is not None or time.monotonic() > ends:
            process.kill()
            process.wait()
            said = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise CheckFailed(f"{slot.version} did not start: "
                              + (said[-1] if said else f"nothing in {output}"))
        time.sleep(0.1)


def stop(folder: Path, name: str) -> None:
    """End the process of a slot, if one lives: politely, and by force if that takes too long."""
    pid = pid_of(folder / f"{name}.pid")
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    # A process that was stopped (SIGSTOP) hears SIGTERM only when it goes on.
    os.kill(pid, signal.SIGCONT)
    ends = time.monotonic() + STOP_SECONDS
    while pid_of(folder / f"{name}.pid") == pid:
        if time.monotonic() > ends:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def is_ready(slot: Slot) -> bool:
    """Say whether the process in a slot answers, with the version that should be there."""
    try:
        found = get(f"{slot.url}/readyz", seconds=2)
    except NotMeasured:
        return False
    return f"{found.get('model')}@{found.get('version')}" == slot.version


def get(url: str, seconds: float = 5.0) -> dict[str, Any]:
    """Return the JSON at an address; raise NotMeasured if there is none."""
    return _asked(urllib.request.Request(url, headers=headers()), seconds)


def post(url: str, value: Any, seconds: float = 15.0) -> dict[str, Any]:
    """Send JSON for a test and return the JSON of the answer.

    The prediction log marks it as no traffic. Raises NotMeasured for any answer but a 200.
    """
    return _asked(urllib.request.Request(url, body(value), {
        **headers(), "Content-Type": "application/json", "X-Shadow": "1"}), seconds)


def body(value: Any) -> bytes:
    """Return the body of a request."""
    return json.dumps(value).encode()


def _asked(request: urllib.request.Request, seconds: float) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read(300).decode("utf-8", "replace")
        raise NotMeasured(f"{request.full_url}: status {error.code}: {said}") from None
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise NotMeasured(f"{request.full_url} does not answer: {error}") from None


def free_port() -> int:
    """Return a port on loopback that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]
