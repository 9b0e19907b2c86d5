"""Who is asked, and how: the part of a prompt model that is not the prompt."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nlp_gitops.prompts import Prompt

STAND_IN = "stand-in"
PROVIDERS = (STAND_IN, "openai")

# Hints of a prompt's header that are parameters of a request.
_PARAMS = ("temperature", "top_p", "seed", "max_output_tokens", "stop")


@dataclass(frozen=True)
class Settings:
    """`params` go into every request; `price` is `{input, output}` for a million tokens.

    `attempts` is how often a row may be asked until an answer keeps to the format, `timeout_s` the
    seconds of silence after which a request is given up. `fallback` is `abstain`, or the dotted
    path of a class that answers where the provider does not.
    """

    provider: str = STAND_IN
    model: str = STAND_IN
    params: Mapping[str, Any] = field(default_factory=dict)
    price: Mapping[str, float] | None = None
    attempts: int = 2
    timeout_s: float = 30.0
    fallback: str = "abstain"
    language: str = "en"

    @classmethod
    def of(cls, prompt: Prompt, options: Mapping[str, Any]) -> "Settings":
        """Return what the prompt's header and the options of project.yaml say together.

        Raises ValueError for a value that cannot work, TypeError for an unknown name.
        """
        hints = prompt.model
        found = cls(**{
            "provider": hints.get("provider", STAND_IN), "model": hints.get("name", STAND_IN),
            "timeout_s": hints.get("timeout_s", cls.timeout_s),
            "params": {name: hints[name] for name in _PARAMS if name in hints}, **options})
        if found.provider not in PROVIDERS:
            raise ValueError(f"no provider {found.provider!r}; there are {', '.join(PROVIDERS)}")
        if found.provider != STAND_IN and found.model == STAND_IN:
            raise ValueError(f"which model of {found.provider}? write model: NAME")
        if not isinstance(found.attempts, int) or not 1 <= found.attempts <= 10:
            raise ValueError("attempts must be a whole number from 1 to 10")
        if not _is_number(found.timeout_s) or found.timeout_s == 0:
            raise ValueError("timeout_s must be a number of seconds above 0")
        price = found.price
        if price is not None and not (isinstance(price, Mapping) and set(price) == {
                "input", "output"} and all(map(_is_number, price.values()))):
            raise ValueError("price must be {input: X, output: Y}, for a million tokens each")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return what so many tokens cost, in the currency of `price`; None without a price."""
        if self.price is None:
            return None
        return (tokens_in * self.price["input"] + tokens_out * self.price["output"]) / 1e6


def _is_number(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and math.isfinite(value) and value >= 0)
