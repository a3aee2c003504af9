"""What was injected: `injection.json`, in the terms of Chaos Mesh, which OpenRCA 2.0 uses to inject faults.

An entry of `engine_config` is a fault that broke a promise to users: where it acts (`app`) and its kind (`chaos_type`).
OpenRCA 2.0's evaluator asks an answer for both, the kind in the terms of `v3/sdk/evaluation/v2/fault_kind.py`. Kinds
without an equivalent in Chaos Mesh keep our names; the evaluator maps them to the kind `unknown`, which an answer may
give.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

#: For each kind of fault, the one of Chaos Mesh that looks the same in telemetry.
CHAOS_TYPES = {
    "delay": "NetworkDelay",
    "drop": "NetworkLoss",
    "fail": "HTTPResponseReplaceCode",
    "handshake": "DNSError",
    "hang": "HTTPRequestDelay",
    "hog_cpu": "CPUStress",
    "leak": "MemoryStress",
    "pause": "JVMGarbageCollector",
    "refuse": "HTTPRequestAbort",
    "reset": "HTTPResponseAbort",
    "restart": "PodKill",
    "slow": "HTTPResponseDelay",
    "stop": "PodFailure",
    "throttle": "CPUStress",
}


def chaos_type(fault: Mapping[str, Any]) -> str:
    """Return Chaos Mesh's kind of a fault; a network that drops everything is partitioned."""
    if fault["kind"] == "drop" and fault["parameters"].get("share") == 1.0:
        return "NetworkPartition"
    return CHAOS_TYPES.get(fault["kind"], str(fault["kind"]))


def injection(faults: Iterable[Mapping[str, Any]], name: str, namespace: str) -> str:
    """Return the text of `injection.json`.

    Parameters
    ----------
    faults
        The faults of an answer key that broke a promise to users, in order of start.
    name
        The name of the case.
    namespace
        The namespace of the services.
    """
    faults = list(faults)
    kinds = [chaos_type(fault) for fault in faults]
    content = {
        "name": name,
        "fault_type": kinds[0] if len(faults) == 1 else "hybrid",
        "start_time": min(fault["start"] for fault in faults),
        "end_time": max(fault["end"] for fault in faults),
        "engine_config": [_injected(fault, kind, namespace) for fault, kind in zip(faults, kinds, strict=True)],
        "ground_truth": [_truth(fault) for fault in faults],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _injected(fault: Mapping[str, Any], kind: str, namespace: str) -> dict[str, Any]:
    target = fault["target"]
    app = fault["root_cause"]["service"]
    content: dict[str, Any] = {"app": app, "chaos_type": kind, "namespace": namespace, "container_name": app}
    if target["edge"] and kind.startswith("Network"):
        # The network rule is at the caller and affects traffic to the callee: an answer may name either end.
        ends = target["edge"]
        content |= {"app": ends["caller"], "container_name": ends["caller"]}
        content |= {"source_service": ends["caller"], "target_service": ends["callee"], "direction": "to"}
    if target["replica"]:
        content["pod_name"] = target["replica"]
    if target["operation"]:
        content["method"] = target["operation"]
    return content | {"kind": fault["kind"], "parameters": fault["parameters"]}


def _truth(fault: Mapping[str, Any]) -> dict[str, Any]:
    service, target = fault["root_cause"]["service"], fault["target"]
    return {
        "service": [service],
        "pod": [target["replica"]] if target["replica"] else [],
        "container": [service],
        "metric": fault["root_cause"]["aliases"]["indicators"],
        "function": [target["operation"]] if target["operation"] else [],
        "span": [],
    }
