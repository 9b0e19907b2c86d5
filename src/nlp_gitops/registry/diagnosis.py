"""What `verify` and `doctor` find in a registry, each with the way to repair it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

CODES = {
    "R001": "the ledger was rewritten since it was last read here",
    "R002": "a commit of the ledger has not exactly one parent",
    "R003": "a commit of the ledger holds no event",
    "R004": "an event's record differs from its commit message",
    "R005": "an event's number does not follow the last one of its model",
    "R006": "an event says what could not happen",
    "R007": "state.json is not what the events add up to",
    "R008": "README.md does not show the state",
    "R009": "a commit wrote or lacks files that its event does not account for",
    "R010": "a file that never changes was edited or removed",
    "R011": "the gate report of an event is missing or another one",
    "R012": "a version's papers do not fit its events",
    "R013": "time does not grow along the ledger",
    "R020": "the tag of an event is missing",
    "R021": "the tag of an event is lightweight",
    "R022": "the tag of an event was moved to another commit",
    "R023": "the tag of an event has other content",
    "R024": "a tag that the ledger does not know",
    "R025": "a tag's signature is missing or not that of an allowed signer",
    "R030": "an archive is missing, altered, or not shown as the ledger says",
    "R031": "an archive has an attestation that does not hold, or is not of a build of this "
            "repository",
}


@dataclass(frozen=True)
class Fault:
    """One fault: `subject` says where, `message` what, `hint` how to mend it."""

    code: str
    subject: str
    message: str
    hint: str

    def as_text(self) -> str:
        """Return the line that a person reads."""
        return f"{self.code} {self.subject}: {self.message} -> {self.hint}"

    def as_dict(self) -> dict[str, str]:
        """Return the stable shape of `--json`; `meaning` is the same for every fault of a code."""
        return {**asdict(self), "meaning": CODES[self.code]}


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
