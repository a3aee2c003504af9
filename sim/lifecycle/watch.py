"""What causes a release to be rolled back: failing health checks, a spent error budget, or an operator."""

from __future__ import annotations

from typing import Final

from meshquake.faults.release import Release
from meshquake.sim.cluster import Cluster
from meshquake.sim.engine.revision import Revision
from meshquake.sim.lifecycle.error_budget import ErrorBudget

#: Why a rollout stops: a newer one took over, or a rollback, named by its entry in the catalogue.
SUPERSEDED: Final = "superseded"
UNHEALTHY: Final = "rollback"
OVER_BUDGET: Final = "rollback_over_budget"
BY_HAND: Final = "rollback_by_hand"


class Watch:
    """Watches one release of a revision from its start. `meter` counts its failures if it has an error budget."""

    def __init__(
        self, cluster: Cluster, release: Release, meter: ErrorBudget | None, revision: Revision | None = None
    ) -> None:
        self._cluster = cluster
        self._release = release
        self._meter = meter
        self._revision = revision
        self._start = cluster.now
        #: Since when the rollout stalls; None if it does not.
        self._stalled: float | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing would roll the release back once all its replicas are available."""
        return self._meter is None and self._release.rollback_after is None

    def stalls(self, troubled: bool, progress: bool) -> str:
        """Return why the release should be rolled back, or an empty string; called regularly while it is rolled out.

        Parameters
        ----------
        troubled
            Whether a replica of the new version fails its health checks now.
        progress
            Whether the rollout got further since the last call; if so, the patience starts anew.
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
        """Return why a release that does not stall should be rolled back; empty if there is no reason."""
        now = self._cluster.now
        if self._revision is not None and self._revision.recalled:
            return BY_HAND
        if self._release.rollback_after is not None and now - self._start >= self._release.rollback_after:
            return BY_HAND
        if self._meter is not None and self._meter.spent(now):
            return OVER_BUDGET
        return ""
