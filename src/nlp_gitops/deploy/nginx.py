"""The proxy: its configuration from `deploy/nginx.conf`, and start, reload and stop."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from nlp_gitops.core import files
from nlp_gitops.core.errors import NotMeasured, UsageError
from nlp_gitops.deploy.processes import surviving

_CANARY = """\
    # The canary's backup is the champion.
    upstream canary {{
        server 127.0.0.1:{canary} max_fails=3 fail_timeout=2s;
        server 127.0.0.1:{stable} backup;
        keepalive 32;
    }}
    split_clients $request_id $variant {{
        {weight}% canary;
        *   stable;
    }}
"""
# Callers wait for the champion, nobody for the shadow: without a limit its copies would queue up
# whenever it is a little slower. What does not fit is not copied. A client's next request on its
# connection waits for the copy of the last one, but not for long; the shadow goes on after nginx
# has hung up, and its answer is still in the prediction log.
_SHADOW = """
        location = /predict {{
            proxy_pass http://stable;
            mirror /-/shadow;
        }}

        location = /-/shadow {{
            internal;
            # A location with one header of its own has none of the others.
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Request-ID $id;
            proxy_set_header X-Shadow 1;
            limit_conn shadow 4;
            proxy_pass http://127.0.0.1:{shadow}/predict;
            proxy_connect_timeout 100ms;
            proxy_read_timeout 250ms;
            error_log error.log crit;
        }}
"""
_PATIENCE = 20.0
# nginx lets its old workers accept requests for 100 ms beside the new ones.
_STEADY_SIGHTS, _STEADY_PAUSE = 25, 0.02


@dataclass(frozen=True)
class Route:
    """Who gets the traffic. `weight` is the canary's share in per cent; `shadow` gets copies."""

    environment: str
    generation: int
    listen: str
    stable: int
    canary: int | None = None
    weight: int = 0
    shadow: int | None = None


def check_installed() -> str:
    """Return nginx's path; raise UsageError that says how to get it."""
    # Debian puts it where a plain user's PATH does not look.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise UsageError("nginx is not on PATH; type: sudo apt-get install nginx-light (Debian, "
                         "Ubuntu) or: brew install nginx")
    return found


def check_address(host: str) -> None:
    """Raise UsageError unless nginx could listen there: on an address of this machine."""
    try:
        with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host
                                  else socket.AF_INET):
            return
    except OSError as error:
        raise UsageError(f"--host {host} is no address of this machine ({error.strerror}); see: "
                         "ip address; 127.0.0.1 is for this machine only, 0.0.0.0 is all of its "
                         "addresses") from None


def configuration(template: str, route: Route, body_bytes: int, seconds: float) -> str:
    """Return nginx's configuration; `seconds` is what a service may take for an answer."""
    canary = ""
    if route.canary and route.weight:
        canary = _CANARY.format(canary=route.canary, stable=route.stable, weight=route.weight)
    words = {
        "BODY_BYTES": body_bytes + 1024, "STABLE_PORT": route.stable, "CANARY": canary,
        "SHADOW": _SHADOW.format(shadow=route.shadow) if route.shadow else "",
        "LISTEN": route.listen, "ENVIRONMENT": route.environment, "GENERATION": route.generation,
        "TARGET": "$variant" if canary else "stable", "READ_SECONDS": int(2 * seconds) + 1}
    for word, value in words.items():
        template = template.replace(f"@{word}@", str(value))
    return template


class Nginx:
    """One nginx with its files in `folder`, reached at `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url
        self._binary = check_installed()

    def apply(self, text: str, route: Route) -> None:
        """Start with this configuration, or reload; return when it is in effect.

        Raises NotMeasured if nginx refuses it or does not come up.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        files.write_atomic(self._folder / "nginx.conf", text)
        running = self.generation(route.environment) is not None
        if running and self._end_orphans():
            running = False
        self._run(*(("-s", "reload") if running else ()))
        ends, sights = time.monotonic() + _PATIENCE, 0
        while sights < _STEADY_SIGHTS:
            seen = self.generation(route.environment) == route.generation
            sights = sights + 1 if seen else 0
            if time.monotonic() > ends:
                raise NotMeasured(f"{self._folder / 'error.log'}: nginx did not take the new "
                                  "configuration")
            time.sleep(_STEADY_PAUSE)

    def _end_orphans(self) -> bool:
        """End workers that answer although nobody leads them any more; say whether there were any.

        A killed master leaves them behind, deaf to a reload. They still are its process group.
        """
        try:
            master = int((self._folder / "nginx.pid").read_text())
            os.kill(master, 0)
            return False
        except ProcessLookupError:
            os.killpg(master, signal.SIGQUIT)
            return True

    def generation(self, environment: str) -> int | None:
        """Return the number of the configuration in effect; None if our nginx does not run."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/generation", timeout=2) as answer:
                found = json.load(answer)
        except (urllib.error.URLError, OSError, ValueError):
            return None
        return found["generation"] if found.get("environment") == environment else None

    def stop(self, environment: str) -> None:
        """Let nginx finish what it is answering, and end."""
        try:
            pid = int((self._folder / "nginx.pid").read_text())
        except (OSError, ValueError):
            return
        if self.generation(environment) is None:
            return
        os.kill(pid, signal.SIGQUIT)
        ends = time.monotonic() + _PATIENCE
        while (self._folder / "nginx.pid").exists() and time.monotonic() < ends:
            time.sleep(0.02)

    def _run(self, *more: str) -> None:
        done = subprocess.run(
            [self._binary, "-p", f"{self._folder}/", "-c", "nginx.conf", "-e", "error.log", *more],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, env=surviving())
        if done.returncode:
            said = (done.stderr.strip() or "no message").splitlines()[-1]
            raise NotMeasured(f"nginx: {said}")
