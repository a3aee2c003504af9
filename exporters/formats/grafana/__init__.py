"""What Grafana needs to show a recording that was sent: data sources and dashboards, as provisioning files.

    provisioning/datasources/meshquake.yaml    where `send` sent it: Prometheus, Loki, Tempo
    provisioning/dashboards/meshquake.yaml     where the dashboards are
    dashboards/*.json                          the dashboards

sink.py               the sink: what was recorded of the mesh decides what is shown
recorded.py           the names that recorded metrics have in Prometheus
panels.py             panels, and their layout on a dashboard
mesh_dashboard.py     the mesh: what users get, every service, calls, nodes
service_dashboard.py  a service: requests, resources, its callers and callees, its log lines
logs_dashboard.py     log lines and events
traces_dashboard.py   requests that failed, and slow ones
provisioning.py       the files that Grafana is provisioned with

Dashboards are in Grafana's classic model (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/
view-dashboard-json-model/), schema version 39, which Grafana 10.3 and later read. Data sources and dashboards have
fixed uids, so links to them stay valid, and a regenerated bundle replaces the one before.
"""
