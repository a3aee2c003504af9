"""Meshes with something odd about them, and the review's warnings."""

from meshquake.topology.loader import parse
from meshquake.topology.review import review


def found(text):
    return review(parse(text, "mesh.yaml").topology)


def pair(edge="{}", app="{work: 5ms, calls: [db.get]}", db="{operations: {get: {work: 10ms}}}", rate="20/s"):
    """Return a mesh of two services, `app` and `db`, and the edge between them."""
    return found(
        f"""
        name: pair
        defaults: {{edge: {{latency: 1ms}}}}
        services:
          app: {{operations: {{go: {app}}}}}
          db: {db}
        edges: {{app -> db: {edge}}}
        workload: {{rate: {rate}, mix: {{app.go: 1}}}}
        """
    )


def line(**policies):
    """Return services a to d in a line, with the policies of each edge, by the caller's letter."""
    return found(
        f"""
        name: line
        defaults: {{edge: {{latency: 1ms}}}}
        services:
          a: {{operations: {{go: {{calls: [b.go]}}}}}}
          b: {{operations: {{go: {{calls: [c.go]}}}}}}
          c: {{operations: {{go: {{calls: [d.go]}}}}}}
          d: {{operations: {{go: {{work: 10ms}}}}}}
        edges:
          a -> b: {policies["a"]}
          b -> c: {policies["b"]}
          c -> d: {policies["c"]}
        workload: {{mix: {{a.go: 1}}}}
        """
    )
