"""Published statistics of real call graphs, as far as generated meshes follow them.

Sources, as they are called below:

Winchester
    Winchester, Parisis, Xu, Berthouze: "Complexity at Scale: A Quantitative Analysis of an Alibaba Microservice
    Deployment", arXiv 2504.13141, table 1.
Huye
    Huye, Shkuro, Sambasivan: "Lifting the veil on Meta's microservice architecture", USENIX ATC 2023, and its data
    (github.com/facebookresearch/distributed_traces, `service-characteristics.csv` and `service-endpoints.csv`, of which
    the shares here are those of its 7,483 regular services).
Luo
    Luo et al.: "Characterizing Microservice Dependency and Performance: Alibaba Trace Analysis", SoCC 2021, and "An
    In-Depth Study of Microservice Call Graph and Runtime Performance", IEEE TPDS 33(12), 2022.
"""

from __future__ import annotations

from typing import Final

#: The fewest and the most services of a generated mesh.
FEWEST, MOST = 10, 2000

#: Share of services that users call, and of those that call nobody (Winchester: 13% and 39% of 67,760).
ENTRIES, LEAVES = 0.13, 0.39
#: Shares of the leaves that are databases, caches and external services. Nobody publishes them for a whole company; of
#: the 22 services of DeathStarBench's social network, the 14 of its hotel reservation and Train Ticket's 43, 30% to 50%
#: are stores.
DATABASES, CACHES, EXTERNALS = 0.44, 0.29, 0.06

#: Shares of the middle services, by their distance from the users in calls. With the stores below them, requests then
#: go 2 to 6 calls deep, as at Meta (median 2 to 4, p99 about 6: Huye) and in Alibaba's largest services (2 to 6: Luo).
LEVELS: Final = (0.42, 0.30, 0.16, 0.08, 0.04)

#: Operations per service: a power law whose density has the exponent 2.23, so that P(k or more) has 1.23; a median of
#: 2, and 29% with only one (Huye).
OPERATIONS: Final = 1.23
MOST_OPERATIONS: Final = 6
#: Entries have this many operations more: the front end with the most has 11,000 (Huye).
PAGES: Final = 2

#: How much more than others a service is shared: weights with P(w or more) = 1 / w. At Meta a tenth of the services has
#: 89% of all incoming edges, and 12% of the services have 16 callers or more (Huye); at Alibaba most call graphs
#: contain such hot spots (Luo).
SHARING: Final = 1.0
#: Further calls of an operation, besides those it was made for: exponents of P(k or more), by its distance from the
#: users in calls. Parents have few children, and sometimes many (1 to 10: Luo).
FURTHER: Final = (1.1, 1.4, 1.8, 2.2, 2.5, 2.5)
MOST_FURTHER: Final = 10

#: Share of calls that are repeated (16.2%: Luo).
REPEATED: Final = 0.162
#: Share of the further calls that not every request makes: call graphs of one entry differ from request to request
#: (Luo; Huye).
CONDITIONAL: Final = 0.45
#: Share of the operations with several calls that make some of them at once. At Meta it varies from none to all between
#: parents (Huye).
PARALLEL: Final = 0.4

#: Most call sites below an operation, by its distance from the users in calls: sizes of call graphs have a heavy tail
#: (Luo), and memory use would have one too.
SITES: Final = (400, 120, 40, 16, 8, 4)

#: Weights of entries by rank: 1 / rank, so that few entries get most requests (long-tailed shares of the workload:
#: Winchester).
POPULARITY: Final = 1.0
#: Requests per second of a mesh of one service; by default they grow with the square root of the number of services.
REQUESTS: Final = 5.0

#: Range of the utilisation of cores, or of workers, at a service with enough to do.
UTILISATION: Final = (0.25, 0.45)
