"""A case in the layout of OpenRCA 2.0, as its platform reads it: telemetry before and after the fault begins.

    {normal,abnormal}_traces.parquet              spans
    {normal,abnormal}_logs.parquet                log lines
    {normal,abnormal}_metrics.parquet             gauges
    {normal,abnormal}_metrics_sum.parquet         counts
    {normal,abnormal}_metrics_histogram.parquet   durations
    conclusion.parquet                            the users' operations, before and after
    env.json                                      the two windows
    injection.json                                what was injected, which is truth
    causal_graph.json                             how it spread, which is truth

tables.py        the tables and their columns
names.py         the names of metrics
pack.py          the sink that writes all files
windows.py       where one window ends and the other begins
injection.py     what was injected, in the terms of Chaos Mesh
causal_graph.py  the causal graph
conclusion.py    the users' operations
read_pack.py     such a case as our records, with `read_tables`, `read_spans`, `read_samples` and `read_mesh`

Columns and files are those of `rcabench-platform` 0.4.46 (https://github.com/OperationsPAI/rcabench-platform: its
`docs/specifications.md`, `v3/internal/sources/rcabench.py`, which makes its tables from OpenTelemetry's, and
`v3/sdk/evaluation`, which marks answers).
"""
