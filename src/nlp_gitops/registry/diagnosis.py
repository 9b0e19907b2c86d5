"""What an examination of a registry found out, for people and for machines."""

from collections.abc import Callable
from dataclasses import dataclass

from nlp_gitops.registry.faults import Fault

Mend = Callable[[], object]


@dataclass(frozen=True)
class Trouble:
    """Something wrong, torn or missing, and the step that mends it; None if a person must do it."""

    subject: str
    message: str
    remedy: str
    mend: Mend | None = None

    def as_text(self) -> str:
        """Return the line that a person reads."""
        return f"{self.subject}: {self.message} -> {self.remedy}"

    def as_dict(self) -> dict[str, str]:
        """Return the stable shape of `--json`."""
        return {"subject": self.subject, "message": self.message, "remedy": self.remedy}


@dataclass(frozen=True)
class Advice:
    """What is no trouble, and still worth a line each.

    `settings` are settings of GitHub that `init-github` would make, `optional` features that are
    off, `unread` what could not be read with this token.
    """

    settings: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def __add__(self, other: "Advice") -> "Advice":
        """Return both."""
        return Advice(self.settings + other.settings, self.optional + other.optional,
                      self.unread + other.unread)

    def lines(self) -> list[str]:
        """Return what a person reads, one line each."""
        return [*(f"not set up: {line}" for line in self.settings),
                *(f"off: {line}" for line in self.optional),
                *(f"unknown: {line}" for line in self.unread)]


@dataclass(frozen=True)
class Diagnosis:
    """What was mended, what is still wrong, the faults that `verify --quick` finds, and advice."""

    mended: tuple[str, ...]
    troubles: tuple[Trouble, ...]
    faults: tuple[Fault, ...]
    advice: Advice = Advice()

    @property
    def is_well(self) -> bool:
        """Say whether nothing is wrong any more; advice does not count."""
        return not self.troubles and not self.faults

    def lines(self) -> list[str]:
        """Return what a person reads, one line each."""
        found = [f"mended: {text}" for text in self.mended]
        found += [item.as_text() for item in self.troubles]
        found += [fault.as_text() for fault in self.faults]
        return [*(found or ["nothing is torn or missing"]), *self.advice.lines()]

    def record(self) -> dict[str, object]:
        """Return the stable shape of `--json`."""
        return {"mended": list(self.mended), "faults": [fault.as_dict() for fault in self.faults],
                "troubles": [item.as_dict() for item in self.troubles],
                "settings": list(self.advice.settings), "optional": list(self.advice.optional),
                "unread": list(self.advice.unread)}
