"""Faults of a registry: what `verify` finds, each with its code and the way to mend it."""

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
