"""The running services: what an orchestrator sees of a mesh and may do to it."""

from __future__ import annotations

from collections.abc import Callable, Set
from math import inf
from typing import Any

from meshquake.faults.fault import Fault, Target
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.engine.edge import RuntimeEdge
from meshquake.sim.engine.engine import CallEngine
from meshquake.sim.engine.environment import Environment
from meshquake.sim.engine.modifier import Modifier
from meshquake.sim.engine.policy import ServerPolicy
from meshquake.sim.engine.replica import Replica
from meshquake.sim.engine.revision import Revision
from meshquake.sim.engine.service import Service
from meshquake.sim.engine.upheaval import disturb, release, reschedule
from meshquake.sim.journal import Journal
from meshquake.sim.lifecycle.chatter import Chatter
from meshquake.sim.lifecycle.past import Past
from meshquake.sim.policies.compose import Composed, guard, serve
from meshquake.sim.policies.context import PolicyContext
from meshquake.topology.addresses import address
from meshquake.topology.binder import keys_of
from meshquake.topology.spec import Edge, Topology


class Cluster:
    """Services, their replicas, and the edges between them, on one clock.

    Parameters
    ----------
    topology
        What to build.
    seed
        Seed of every draw.
    """

    def __init__(self, topology: Topology, seed: int) -> None:
        self.topology = topology
        self.seed = seed
        self.env = Environment()
        self.engine = CallEngine(self.env, seed)
        self.journal = Journal(self.env)
        self.past = Past(topology, seed)
        self._context = PolicyContext(self.env, self.engine, self.journal, topology.environment, seed, self.past)
        self.services: dict[str, Service] = {}
        count = 0
        for index, spec in enumerate(topology.services):
            self.services[spec.name] = Service(spec, index, count)
            count += spec.replicas
        self.replicas = [replica for service in self.services.values() for replica in service.replicas]
        self.edges: list[RuntimeEdge] = []
        self._policies: dict[RuntimeEdge, Composed] = {}
        #: How often settings or routes of edges were changed.
        self.recomposed = 0
        for each in topology.edges:
            caller, callee = self.services[each.caller], self.services[each.callee]
            edge = RuntimeEdge(each, len(caller.edges), caller, callee)
            caller.edges[each.callee] = edge
            self.edges.append(edge)
            callee.inbound.append(edge)
            self._policies[edge] = Composed(edge, self._context)
        #: The modifiers that act on replicas and their targets, in the order in which they began; and stopped targets.
        self.acting: list[tuple[Modifier, Target]] = []
        self.stopped: list[Target] = []
        #: Replicas with a liveness probe, and deployments with an autoscaler.
        self.probed: set[Replica] = set()
        self.scaled: set[Deployment] = set()
        #: Policies that see every request that the replicas of a revision answer.
        self.meters: dict[Revision, ServerPolicy] = {}
        #: (replica, version) of every process that ever ran; rows refer to them by position.
        self.incarnations: list[tuple[Replica, str]] = []
        self.chatter = Chatter(self.env, self.journal, topology, seed, self.past)
        for replica in self.replicas:
            replica.born = -self.past.age(replica)
            self.incarnate(replica)
            self.connect(replica, warm=True)

    @property
    def now(self) -> float:
        """The simulated time in seconds."""
        return self.env._now

    def timeout(self, delay: float) -> Any:
        """An event that occurs `delay` seconds from now."""
        return self.env.timeout(max(0.0, delay))

    def incarnate(self, replica: Replica) -> None:
        """Start a new process of the replica, whose records are distinct from those of the process before."""
        replica.incarnation = len(self.incarnations)
        self.incarnations.append((replica, replica.version))
        self.chatter.begin(replica)

    def connect(self, replica: Replica, warm: bool) -> None:
        """Give the replica fresh policies: closed breakers, and pools that are filled (`warm`) or empty."""
        serve(replica, self._context, self.meters.get(replica.revision))
        reschedule(self.engine, replica)
        replica.callers = [self._policies[edge].state(replica, warm) for edge in replica.service.edges.values()]
        for caller in replica.callers:
            if caller.edge.modifiers:
                for _, _, policy in caller.every():
                    policy.disturbed(self.now)

    def guard(self, replica: Replica) -> None:
        """Give the running process of the replica fresh policies for arriving requests."""
        guard(replica, self._context, self.meters.get(replica.revision))

    def recompose(self, edge: RuntimeEdge, spec: Edge) -> None:
        """Give an edge new settings: callers get new policies where the settings differ, and keep the others.

        Calls under way finish under the old policies, except that held calls go on waiting under the new ones.
        """
        changed = {
            word for word, key in keys_of(Edge).items() if getattr(edge.spec, key.field) != getattr(spec, key.field)
        }
        edge.spec = spec
        edge.held = edge.held or spec.pool is not None
        self.recomposed += 1
        self._policies[edge] = Composed(edge, self._context)
        self._succeed(edge, changed)

    def reroute(self, service: Service) -> None:
        """Update callers after a change in which replicas share a service's calls; they keep what they know of each."""
        service.refresh()
        self.recomposed += 1
        for edge in self.edges:
            if edge.callee is service:
                self._succeed(edge, frozenset())

    def _succeed(self, edge: RuntimeEdge, changed: Set[str]) -> None:
        """Switch callers to the policies composed for an edge now; `changed` are the keys that differ."""
        composed = self._policies[edge]
        for replica in edge.caller.replicas:
            before = replica.callers[edge.index]
            state = replica.callers[edge.index] = composed.successor(before, replica, changed)
            kept = {policy for _, _, policy in state.every()}
            for former, name, policy in list(before.every()):
                if policy not in kept:
                    for call in policy.end():
                        goes_on = state.part(former.subset)
                        self.engine.transfer(call, goes_on, goes_on.policies.get(name))
            state.outlive(before)
        if edge.modifiers:
            disturb(edge, self.now)

    def disconnect(self, replica: Replica) -> None:
        """Tell the callers of a replica whose process is gone that their connections are gone too."""
        for edge in self.edges:
            if edge.callee is replica.service:
                for caller in edge.caller.replicas:
                    towards = caller.callers[edge.index].part(edge.callee.subset_of(replica))
                    for policy in towards.policies.values():
                        policy.callee_ended(replica, self.now)

    # -- replicas that come and go -------------------------------------------------------------------------------------

    def has_room(self, service: Service) -> bool:
        """Whether the cluster has the cores for one more replica of a service."""
        if self.topology.room == inf:
            return True
        taken = sum(replica.service.spec.cores for replica in self.replicas)
        return taken + service.spec.cores <= self.topology.room

    def add(self, deployment: Deployment, revision: Revision) -> Replica:
        """Add a replica, whose process does not run yet; faults on its service act on it too."""
        service = deployment.service
        replica = Replica(deployment, service.created, len(self.replicas))
        service.created += 1
        replica.version = revision.version
        replica.up = replica.ready = False
        replica.restarts = -1  # its first process is no restart
        replica.created = replica.since = self.now
        replica.born = inf
        replica.stops = sum(target.covers(service.spec.name, replica.index) for target in self.stopped)
        deployment.replicas.append(replica)
        service.replicas.append(replica)
        self.replicas.append(replica)
        for modifier, target in self.acting:
            if target.covers(service.spec.name, replica.index):
                self.attach(modifier, replica)
        self.revise(replica, revision)
        self.connect(replica, warm=False)
        return replica

    def remove(self, replica: Replica) -> None:
        """Remove a replica for good, after its process has ended."""
        self._unrevise(replica)
        replica.deployment.replicas.remove(replica)
        replica.service.replicas.remove(replica)
        self.replicas.remove(replica)
        replica.service.refresh()

    def revise(self, replica: Replica, revision: Revision) -> None:
        """Let a replica run a revision from its next process on; the revision's fault acts on it at once."""
        self._unrevise(replica)
        replica.revision = revision
        if revision.fault is not None:
            modifier = revision.modifiers[replica.index] = self.modifier(revision.fault, revision.fault.target, None)
            self.attach(modifier, replica)
        if revision in self.meters:
            serve(replica, self._context, self.meters[revision])

    def _unrevise(self, replica: Replica) -> None:
        former = replica.revision.modifiers.pop(replica.index, None)
        if former is not None:
            self.detach(former, [replica])

    # -- what acts on replicas -----------------------------------------------------------------------------------------

    def modifier(self, fault: Fault, target: Target, level: Callable[[float], float] | None) -> Modifier:
        """A modifier for a fault's effect on one of its targets, not attached to anything yet."""
        key = address(self.seed, "fault", fault.id) % 2**64
        if target.level == "edge":
            return Modifier(fault, key, level, -1, self.now, target.replica, target.callee_replica)
        operation = -1
        if target.operation is not None:
            operation = self.services[target.service].operations[target.operation][0]
        return Modifier(fault, key, level, operation, self.now)

    def attach(self, modifier: Modifier, replica: Replica) -> None:
        """Let a modifier act on a replica."""
        replica.change((*replica.modifiers, modifier), self.now)
        if modifier.curbs:
            reschedule(self.engine, replica)

    def detach(self, modifier: Modifier, replicas: list[Replica]) -> None:
        """End a modifier on these replicas."""
        for replica in replicas:
            replica.change(tuple(other for other in replica.modifiers if other is not modifier), self.now)
            if modifier.curbs:
                reschedule(self.engine, replica)
        release(self.engine, modifier)
