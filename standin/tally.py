"""Decide which of a row of requests a fault strikes."""


class Tally:
    """Count chances; strike every n-th of them, a limited number of times."""

    def __init__(self, *, times: int = 0, every: int = 1) -> None:
        """Strike each `every`-th chance, `times` times in all; zero times means without end."""
        self._times = times
        self._every = max(every, 1)
        self._chances = 0
        self.struck = 0

    @property
    def is_spent(self) -> bool:
        """Tell whether no later chance can be struck."""
        return 0 < self._times <= self.struck

    def strikes(self) -> bool:
        """Use up one chance; tell whether it is struck."""
        self._chances += 1
        if self.is_spent or self._chances % self._every:
            return False
        self.struck += 1
        return True
