#!/usr/bin/env python3
"""A hook as a team would write one: two services on fixed ports, and an nginx of its own.

Everything is in the folder HOOK_PLACE; HOOK_PORTS are those of nginx, blue and green.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PLACE = Path(os.environ["HOOK_PLACE"])
PORT, *OTHERS = map(int, os.environ["HOOK_PORTS"].split())
PORTS = dict(zip(("blue", "green"), OTHERS))
CONF = """\
pid {place}/nginx.pid; error_log {place}/error.log; daemon on;
events {{ }}
http {{
    access_log off; client_body_temp_path {place}/a; proxy_temp_path {place}/b;
    fastcgi_temp_path {place}/c; uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;
    upstream one {{ {servers} }}
    server {{ listen 127.0.0.1:{port};
        location / {{ proxy_pass http://one; proxy_next_upstream error non_idempotent; }} }}
}}
"""


def start(slot, version):
    """Start a service in a slot."""
    stop(slot)
    with open(PLACE / f"{slot}.out", "wb") as output:
        process = subprocess.Popen(
            [".venv/bin/python", "tools/serve.py", version, "--port", str(PORTS[slot])],
            stdout=output, stderr=output, start_new_session=True)
    (PLACE / f"{slot}.pid").write_text(str(process.pid))


def stop(slot):
    """End the service in a slot."""
    path = PLACE / f"{slot}.pid"
    if path.exists():
        try:
            os.kill(int(path.read_text()), signal.SIGTERM)
        except ProcessLookupError:
            pass
        path.unlink()


def weight(slot, percent):
    """Give a slot its share."""
    shares = {slot: int(percent), **{other: 100 - int(percent) for other in PORTS if other != slot}}
    servers = " ".join(f"server 127.0.0.1:{PORTS[name]} weight={share};"
                       for name, share in shares.items() if share)
    conf = PLACE / "nginx.conf"
    conf.write_text(CONF.format(place=PLACE, port=PORT, servers=servers))
    running = (PLACE / "nginx.pid").exists()
    subprocess.run([os.environ["HOOK_NGINX"], "-c", conf, *(("-s", "reload") if running else ())],
                   check=True, stderr=subprocess.DEVNULL)
    # The old workers take requests for a moment more.
    time.sleep(0.5)


def url(slot=None):
    """Print an address."""
    print(f"http://127.0.0.1:{PORTS[slot] if slot else PORT}")


if __name__ == "__main__":
    {"start": start, "stop": stop, "weight": weight, "url": url}[sys.argv[1]](*sys.argv[2:])
