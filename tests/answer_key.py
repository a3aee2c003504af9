"""A small answer key, as in a fixture's `truth` folder, and the answer that it rates as right."""

SERVICES = ["gateway", "cart", "stock", "store", "mail"]
FIXTURE = "81ce0d7724fa"
TRACES = [f"{number:032x}" for number in range(1, 9)]


def at(second):
    """Format a moment of the recording, which lasts from 0 to 180 s."""
    return f"2024-01-15T10:{30 + second // 60}:{second % 60:02}.000000+00:00"


def fault(service="store", kind="slow", **changes):
    """Return a fault of the store that reached users through the stock and the gateway."""
    return {
        "id": f"{kind}-1",
        "kind": kind,
        "level": "operation",
        "target": {"service": service, "replica": None, "operation": "select", "edge": None},
        "root_cause": {
            "service": service,
            "indicator": "latency",
            "aliases": {"services": [], "indicators": ["query_time"]},
        },
        "parameters": {"factor": 80.0, "severity": 1.0},
        "start": at(60),
        "ramp_end": at(60),
        "end": at(120),
        "recovered": at(130),
        "visible_onset": at(61),
        "latent": False,
        "user_facing": {"moved": True, "since": at(66), "entries": ["gateway.checkout"]},
        "mechanism": [
            {"from": service, "to": service, "mechanism": "slow work", "onset": at(60), "requests": 5, "evidence": []},
            {"from": service, "to": "stock", "mechanism": "timeout", "onset": at(61), "requests": 5, "evidence": []},
            {"from": "stock", "to": "gateway", "mechanism": "errors", "onset": at(62), "requests": 4, "evidence": []},
        ],
        "affected": [
            {
                "service": name,
                "onset": at(61),
                "peak": {"latency_p95": {"at": at(80), "value": 800.0, "twin": 9.0}},
                "requests": 5,
            }
            for name in (service, "stock", "gateway")
        ],
        "blast_radius": {"requests": 4, "share": 0.5, "entries": []},
        "interactions": [],
        "alerts": [
            {
                "type": "symptom",
                "service": "gateway",
                "indicator": "error_rate",
                "entry": "gateway.checkout",
                "target": None,
                "earliest": at(66),
            },
            {
                "type": "cause",
                "service": service,
                "indicator": "latency_p95",
                "entry": None,
                "target": None,
                "earliest": at(61),
            },
        ],
        "moved": [
            {"service": name, "metric": "latency_p95", "target": None, "onset": at(61), "until": at(125)}
            for name in (service, "stock", "gateway")
        ],
        "event": None,
        "red_herrings": [],
        "difficulty": {"label": "loudest", "rank": 1, "louder": []},
        **changes,
    }


def alert(service, indicator, second):
    """Return the fields that every alert has."""
    return {"service": service, "indicator": indicator, "target": None, "earliest": at(second)}


def cause(service, indicator="latency", services=(), indicators=()):
    """Return a `root_cause`."""
    return {
        "service": service,
        "indicator": indicator,
        "aliases": {"services": [*services], "indicators": [*indicators]},
    }


LATENT = {"latent": True, "recovered": None, "user_facing": {"moved": False, "since": None, "entries": []}}


def truth(*faults):
    """Return an answer key with these faults."""
    return {
        "format": 2,
        "fixture": FIXTURE,
        "incident": any(not each["latent"] for each in faults),
        "objective": {"share": 0.95, "within_ms": 1000.0, "window_s": 10.0, "minimum": 4},
        "recording": {"start": at(0), "end": at(180)},
        "services": SERVICES,
        "requests": {"total": 8, "harmed": 4, "spared": 1, "background": 1},
        "faults": list(faults),
        "background": [],
    }


#: The effect of the fault on each request.
EFFECTS = dict(zip(TRACES, ["failed", "slowed", "failed", "failed", "spared", None, None, None], strict=True))


def verdict(trace, effect):
    """Return the verdict on a request."""
    known = {"trace_id": trace, "timestamp": at(61), "entry": "gateway.checkout", "outcome": "success"}
    known |= {"duration_ms": 5.0, "twin_outcome": "success", "twin_duration_ms": 5.0, "effect": effect}
    return known | {"caused_by": ["slow-1"] if effect else [], "entered_at": None}


#: The right answer to `truth(fault())`.
RIGHT = {
    "root_causes": [{"service": "store", "kind": "slow", "indicator": "latency", "operation": "select"}],
    "detected_at": at(70),
    "affected_services": ["gateway", "stock", "store"],
    "propagation": [{"from": "store", "to": "stock"}, {"from": "stock", "to": "gateway"}],
    "verdicts": [{"trace_id": trace, "harmed": effect in ("failed", "slowed")} for trace, effect in EFFECTS.items()],
    "alerts": [
        {"at": at(67), "service": "gateway", "indicator": "error_rate"},
        {"at": at(62), "service": "store", "indicator": "latency_p95"},
    ],
}
