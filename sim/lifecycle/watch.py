"""What makes somebody take a release back: health checks that fail for too long, an error budget, a person."""

from __future__ import annotations

from typing import Final

from meshquake.faults.release import Release
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.error_budget import ErrorBudget

#: Why a rollout does not go on: a newer one took over, or one of the entries of the catalogue that tell of a rollback.
SUPERSEDED: Final = "superseded"
UNHEALTHY: Final = "rollback"
OVER_BUDGET: Final = "rollback_over_budget"
BY_HAND: Final = "rollback_by_hand"


class Watch:
    """Looks at one release of a revision from its start on. `meter` counts its failures if it has an error budget."""

    def __init__(
        self, cluster: Cluster, release: Release, meter: ErrorBudget | None, revision: Revision | None = None
    ) -> None:
        self._cluster = cluster
        self._release = release
        self._meter = meter
        self._revision = revision
        self._start = cluster.now
        #: Since when it stalls; None if it doesn't.
        self._stalled: float | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody would take it back once all its replicas are available."""
        return self._meter is None and self._release.rollback_after is None

    def stalls(self, troubled: bool, progress: bool) -> str:
        """Why it is to be taken back, if there is a reason; else empty. To be asked time and again while it goes on.

        Parameters
        ----------
        troubled
            Whether a replica of the new version fails its health checks now.
        progress
            Whether it got further since the last time; then it may stall anew.
        """
        now = self._cluster.now
        if progress or (not troubled and self._stalled is None):
            self._stalled = None
        elif self._stalled is None:
            self._stalled = now
        patience = self._release.patience
        if patience is not None and self._stalled is not None and now - self._stalled >= patience:
            return UNHEALTHY
        return self.problem()

    def problem(self) -> str:
        """The same once it stalls no more."""
        now = self._cluster.now
        if self._revision is not None and self._revision.recalled:
            return BY_HAND
        if self._release.rollback_after is not None and now - self._start >= self._release.rollback_after:
            return BY_HAND
        if self._meter is not None and self._meter.spent(now):
            return OVER_BUDGET
        return ""
