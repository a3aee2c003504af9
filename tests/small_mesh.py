"""A small mesh that has a bit of everything."""

SMALL = """
name: small
defaults: {edge: {latency: 1ms}}
services:
  web:
    kind: gateway
    replicas: 2
    operations:
      home: {work: 10ms, calls: [[cart.get, ads.get: {optional: true}], db.read: {probability: 50%}]}
      cart: {work: 10ms, calls: [cart.get]}
  cart:
    operations:
      get: {work: 10ms, calls: [cache.get: {hit_rate: 90%, on_miss: [db.read, cache.set: {optional: true}]}]}
  ads: {kind: external, operations: {get: {work: 10ms}}}
  cache: {kind: cache, operations: {get: {work: 1ms}, set: {work: 1ms}}}
  db: {kind: database, workers: 8, queue: 16, cpu: 2, memory: 2GiB, operations: {read: {work: 8ms}}}
edges:
  web -> cart: {timeout: 500ms, retry: {max_attempts: 3, budget: {ratio: 20%, minimum: 1/s}}}
  cart -> db: {timeout: 50ms, breaker: {window_time: 10s, minimum_calls: 20, open_for: 5s}, pool: 8}
workload: {rate: 40/s, mix: {web.home: 3, web.cart: 1}}
"""
