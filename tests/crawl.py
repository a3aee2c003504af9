"""Everything that the tools of an incident can be made to say, within reason."""

import json

#: The number of traces that are opened.
TRACES = 25


def crawl(ask, without=()):
    """Return all texts of a crawl, in order; `ask` takes a tool and its arguments, and returns a text."""
    texts = []

    def pages(tool, **arguments):
        offset = 0
        while True:
            texts.append(ask(tool, {**arguments, "limit": 200, "offset": offset}))
            content = json.loads(texts[-1])
            yield from content["rows"]
            offset += len(content["rows"])
            if "offset=" not in content.get("cut", "") or not content["rows"]:
                return

    def once(tool, **arguments):
        texts.append(ask(tool, arguments))

    once("get_brief")
    services = [row[0] for row in pages("list_services")]
    list(pages("get_dependency_graph"))
    list(pages("get_alerts"))
    if "metrics" not in without:
        for name, *_ in list(pages("list_metrics")):
            for by_replica in (False, True):
                list(pages("query_metrics", metric=name, by_replica=by_replica))
    if "logs" not in without:
        list(pages("search_logs"))
        for service in services:
            list(pages("log_patterns", service=service))
    if "traces" not in without:
        for row in list(pages("find_traces", sort="slowest"))[:TRACES]:
            list(pages("get_trace", trace_id=row[0], attributes=True))
    if "events" not in without:
        list(pages("list_events"))
    return texts


def asked(incident):
    """Return an `ask` for an incident in this process."""
    return lambda tool, arguments: incident.ask(tool, arguments)[0].text
