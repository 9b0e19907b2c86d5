"""Take the README's pictures from the demo's project, for `make pictures` after `make demo`.

The registry names who did what; `GIT_CONFIG_GLOBAL=/dev/null make demo pictures` names nobody.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "build" / "review-sentiment"
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1200, "height": 900}


def main() -> int:
    """Write the pictures; return 2 if there is no demo, or no browser, to take them of."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not (PROJECT / "reports" / "report.html").is_file() or browser is None:
        print("error: pictures need the demo and Chromium; type: make system demo", file=sys.stderr)
        return 2
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    subprocess.run(["make", "--silent", "site"], cwd=PROJECT, env=env, check=True)
    pages = {"registry-page.png": PROJECT / "site" / "index.html",
             "gate-report.png": PROJECT / "reports" / "report.html"}
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = found.new_page(viewport=SIZE, color_scheme="light")
        for name, path in pages.items():
            page.goto(path.as_uri())
            page.screenshot(path=PICTURES / name)
            print(f"{(PICTURES / name).relative_to(ROOT)}  "
                  f"{(PICTURES / name).stat().st_size / 1000:.0f} KB")
        found.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
