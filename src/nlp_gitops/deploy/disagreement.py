"""Do two versions disagree on live requests more often than their offline evaluation predicts?

Both answered the same texts: the test split before, and live requests now. The candidate may differ
on a share of live texts up to a limit: what the test split leaves possible (the upper end of
Clopper and Pearson's 95 % interval, 1934), and a margin, because live texts are others. Exact
binomial tests at the limit say whether the live share lies above or below it. They are made at
`FIRST`, 2 `FIRST`, 4 `FIRST` … pairs, and the k-th spends `ALPHA` / 2^k.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import bdtr, bdtrc, betaincinv

from nlp_gitops.model import Prediction

FIRST = 62
ALPHA = 0.01
MARGIN = 0.05


@dataclass(frozen=True)
class Disagreement:
    """`expected` and `live` are (texts answered differently, texts). The verdict is that of the
    newest test: PASS below the limit, FAIL above it, else CONTINUE.
    """

    expected: tuple[int, int]
    live: tuple[int, int] = (0, 0)
    tests: int = 0
    verdict: str = "CONTINUE"

    @property
    def limit(self) -> float:
        """Return the share of live texts that may be answered differently."""
        differing, texts = self.expected
        highest = 1.0 if differing >= texts else float(
            betaincinv(differing + 1, texts - differing, 0.975))
        return min(highest + MARGIN, 1.0)

    @property
    def words(self) -> str:
        """Return the comparison in words."""
        return (f"answered differently: {_share(self.live)} live, {_share(self.expected)} of the "
                f"test split; up to {self.limit:.1%} is tolerated")


def offline(champion: Sequence[Prediction], candidate: Sequence[Prediction]) -> Disagreement:
    """Return what the answers of both versions to the same texts predict."""
    differing = sum(one.label != other.label
                    for one, other in zip(champion, candidate, strict=True))
    return Disagreement((differing, len(champion)))


def after(found: Disagreement, differing: int, texts: int) -> Disagreement:
    """Return the comparison after so many live pairs in all, tested if a test is due."""
    found = replace(found, live=(differing, texts))
    if texts < FIRST * 2 ** found.tests:
        return found
    alpha = ALPHA / 2 ** (found.tests + 1)
    above = 1.0 if not differing else float(bdtrc(differing - 1, texts, found.limit))
    below = float(bdtr(differing, texts, found.limit))
    verdict = "FAIL" if above <= alpha else "PASS" if below <= alpha else "CONTINUE"
    return replace(found, tests=found.tests + 1, verdict=verdict)


def _share(pair: tuple[int, int]) -> str:
    return f"{pair[0]} of {pair[1]}" + (f" ({pair[0] / pair[1]:.1%})" if pair[1] else "")
