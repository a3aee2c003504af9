"""A small mesh with a fault, whose callers use policies that those of the ten services don't."""

GUARDED = """
name: guarded
defaults: {service: {startup: 1s}}
services:
  web: {operations: {home: {work: 1ms, calls: [shop.get]}}}
  shop: {replicas: 4, operations: {get: {work: 1ms, calls: [stock.look]}}}
  stock: {replicas: 2, operations: {look: {work: {exponential: 1ms}}}}
edges:
  web -> shop:
    timeout: 200ms
    cancellation: true
    avoid_tried: true
    outlier: {interval: 2s, ejection: 5s}
    retry: {max_attempts: 2, base: 0ms, tokens: {most: 4}}
    throttle: {window: 2s}
    adaptive_concurrency: {}
  shop -> stock: {hedge: 5ms}
workload: {rate: 50/s, mix: {web.home: 1}}
"""

TROUBLE = """
name: trouble
topology: guarded.yaml
lead_in: 0s
duration: 15s
recovery: 20s
confounders: none
faults:
  - fail: {target: "shop[0]", share: 100%, for: 5s}
  - slow: {target: shop, factor: 400, at: 7s, for: 2s}
  - fail: {target: shop, share: 20%, error: unavailable, at: 13s, for: 2s}
"""


def write_guarded(folder):
    """Write both files into a folder; returns the path of the scenario."""
    (folder / "guarded.yaml").write_text(GUARDED)
    file = folder / "trouble.yaml"
    file.write_text(TROUBLE)
    return file
