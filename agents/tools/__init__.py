"""The tools of an on-call agent, a file for each family: what operators look at, and no more.

tool.py        what a tool is
window.py      the time range that a call asks for
overview.py    get_brief, list_services, get_dependency_graph
metrics.py     list_metrics, query_metrics
logs.py        search_logs, log_patterns
traces.py      find_traces, get_trace
events.py      list_events
alerts.py      get_alerts
submit.py      submit
"""

from __future__ import annotations

from meshquake.agents.tools import alerts, events, logs, metrics, overview, traces

#: The tools that read, in the order in which agents see them.
READING = (*overview.TOOLS, *alerts.TOOLS, *metrics.TOOLS, *logs.TOOLS, *traces.TOOLS, *events.TOOLS)
