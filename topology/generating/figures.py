"""What was published about real call graphs, as far as generated meshes follow it.

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

#: The fewest and the most services that a mesh is generated of.
FEWEST, MOST = 10, 2000

#: Shares of the services that users call, and that call nobody (Winchester: 13% and 39% of 67,760).
ENTRIES, LEAVES = 0.13, 0.39
#: Of the leaves, those that keep something. Nobody publishes it of a whole company; the 22 services of DeathStarBench's
#: social network, the 14 of its hotel reservation and Train Ticket's 43 have 30% to 50% of such services.
DATABASES, CACHES, EXTERNALS = 0.44, 0.29, 0.06

#: Shares of the services in the middle, by how many calls they are from the users. With what they keep below them,
#: requests then go 2 to 6 calls deep, as at Meta (median 2 to 4, p99 about 6: Huye) and of Alibaba's largest services
#: (2 to 6: Luo).
LEVELS: Final = (0.42, 0.30, 0.16, 0.08, 0.04)

#: Operations of a service: a power law whose density falls with an exponent of 2.23, so that of `k` or more with 1.23;
#: a median of 2, and 29% with one only (Huye).
OPERATIONS: Final = 1.23
MOST_OPERATIONS: Final = 6
#: So many more have those that users call: the front end with the most has 11,000 (Huye).
PAGES: Final = 2

#: How much more than others a service is shared: weights with P(w or more) = 1 / w. At Meta a tenth of the services has
#: 89% of all edges that come in, and 12% of the services have 16 callers or more (Huye); at Alibaba such hot spots are
#: in most call graphs (Luo).
SHARING: Final = 1.0
#: Calls of an operation besides those it was made for: exponents of P(k or more), by how many calls it is from the
#: users. Children of a parent are few and sometimes many (1 to 10: Luo).
FURTHER: Final = (1.1, 1.4, 1.8, 2.2, 2.5, 2.5)
MOST_FURTHER: Final = 10

#: Share of the calls that are made more than once in a row (16.2%: Luo).
REPEATED: Final = 0.162
#: Share of the further calls that not every request makes: call graphs of one entry differ from request to request
#: (Luo; Huye).
CONDITIONAL: Final = 0.45
#: Share of the operations with several calls that make some of them at once. At Meta it is anything from none to all,
#: from one parent to the next (Huye).
PARALLEL: Final = 0.4

#: Call sites of one request at most, by how many calls its operation is from the users: sizes of call graphs have a
#: heavy tail (Luo), and so would memory.
SITES: Final = (400, 120, 40, 16, 8, 4)

#: Weights of entries by rank: 1 / rank, so that few entries have most requests (long-tailed shares of the workload:
#: Winchester).
POPULARITY: Final = 1.0
#: Requests a second of a mesh of one service; they grow with the root of the services, as long as nobody says
#: otherwise.
REQUESTS: Final = 5.0

#: Shares of its cores, or of its workers, that requests keep busy at a service with enough to do.
UTILISATION: Final = (0.25, 0.45)
