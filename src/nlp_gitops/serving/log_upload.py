"""Copies of closed log files at any location that fsspec knows: S3, GCS, Azure, SFTP, a folder …

A file that a process still writes is locked by it, so closed files are those without a lock, also
after a kill. What is there already in its full size is not sent again; what could not be sent is
tried again later. Local files stay.
"""

import sys
import threading
from pathlib import Path

from nlp_gitops.core.errors import UsageError
from nlp_gitops.serving.log_files import closed_files

_AGAIN_SECONDS = 300.0
_LAST_SECONDS = 10.0


class Uploads:
    """A thread that keeps `url` equal to the closed files in `folder`; `failed` counts failures."""

    def __init__(self, folder: Path, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise UsageError("service.log_url in project.yaml needs fsspec, and the package of its "
                             "protocol; install them with: pip install fsspec") from None
        try:
            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UsageError(f"service.log_url in project.yaml: {error}") from None
        self.failed = 0
        self._folder = folder
        self._due, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._work, name="log-upload", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Look for closed files soon."""
        self._due.set()

    def close(self) -> None:
        """Send what is closed by now, and end; a location that hangs is not waited for."""
        self._ended = True
        self._due.set()
        self._thread.join(_LAST_SECONDS)

    def _work(self) -> None:
        self._due.set()
        while True:
            self._due.wait(_AGAIN_SECONDS)
            self._due.clear()
            ended = self._ended
            try:
                for path in closed_files(self._folder):
                    self._send(path)
            except Exception as error:
                # Every protocol of fsspec raises errors of its own, from a library of its own.
                self.failed += 1
                print(f"log upload: {type(error).__name__}; tried again later", file=sys.stderr,
                      flush=True)
            if ended:
                return

    def _send(self, path: Path) -> None:
        target = f"{self._root.rstrip('/')}/{path.parent.name}/{path.name}"
        if self._files.exists(target) and self._files.size(target) == path.stat().st_size:
            return
        self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(path), target)
