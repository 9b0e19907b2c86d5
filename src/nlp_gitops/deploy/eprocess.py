"""Evidence that one share is larger than another, valid at whatever moment one looks.

The 2x2 safe test of Turner, Ly and Grünwald (2022, "Generic E-variables for exact sequential
k-sample tests"). A block holds `n_a` answers of the champion, `k_a` of them bad, and `n_b` and
`k_b` of the candidate. Its factor is

    (t_a/t_0)^k_a ((1-t_a)/(1-t_0))^(n_a-k_a) (t_b/t_0)^k_b ((1-t_b)/(1-t_0))^(n_b-k_b)

with t_0 = (n_a t_a + n_b t_b) / (n_a + n_b). If both shares are equal within each block, or the
candidate's is smaller, the product of factors has an expectation of at most 1, also where the
shares move from block to block, so it ever reaches 1/alpha with a probability of at most alpha.

t_a comes from the champion's past blocks. How much worse a bad candidate is nobody knows, so the
wealth is spread over several answers to that; their mean is an e-process as well.

With a `cap` no single block multiplies the wealth by more. Slow answers come in bursts: a process
that stalls for a moment makes all its answers slow. If stalls hit both processes equally often, a
cap of 2 keeps the expectation at most 1 however many answers one stall holds: for each block that
doubles the wealth there is, on average, one in which the champion stalled and it is nearly lost.
"""

import math
from dataclasses import dataclass

# A bad candidate's share, as a multiple of the champion's.
MULTIPLES = (1.5, 2.0, 3.0, 6.0, 12.0, 30.0, 100.0)
# Before anything was seen, the champion is taken to be wrong on 1 of 200.
_PRIOR_BAD, _PRIOR_ALL = 0.5, 100.0
_HIGHEST = 0.95


@dataclass(frozen=True)
class EProcess:
    """The logarithm of the wealth on each multiple, and the champion's past."""

    cap: float = math.inf
    wealth: tuple[float, ...] = (0.0,) * len(MULTIPLES)
    champion_all: int = 0
    champion_bad: int = 0

    def after(self, n_a: int, k_a: int, n_b: int, k_b: int) -> "EProcess":
        """Return the process after one more block."""
        share = (self.champion_bad + _PRIOR_BAD) / (self.champion_all + _PRIOR_ALL)
        t_a = min(share, _HIGHEST / 1.1)
        most = math.log(self.cap)
        factors = [_log_factor(n_a, k_a, n_b, k_b, t_a, min(t_a * multiple, _HIGHEST))
                   for multiple in MULTIPLES]
        wealth = tuple(old + min(factor, most)
                       for old, factor in zip(self.wealth, factors, strict=True))
        return EProcess(self.cap, wealth, self.champion_all + n_a, self.champion_bad + k_a)

    @property
    def value(self) -> float:
        """Return the mean wealth: 1 at the start, large where the candidate is worse."""
        return sum(math.exp(min(wealth, 700.0)) for wealth in self.wealth) / len(self.wealth)


def _log_factor(n_a: int, k_a: int, n_b: int, k_b: int, t_a: float, t_b: float) -> float:
    if not n_a or not n_b:
        return 0.0
    t_0 = (n_a * t_a + n_b * t_b) / (n_a + n_b)
    # Most blocks hold no bad answer: half of the logarithms are multiplied by 0.
    return ((k_a and k_a * math.log(t_a / t_0))
            + (n_a - k_a) * math.log((1 - t_a) / (1 - t_0))
            + (k_b and k_b * math.log(t_b / t_0))
            + (n_b - k_b) * math.log((1 - t_b) / (1 - t_0)))
