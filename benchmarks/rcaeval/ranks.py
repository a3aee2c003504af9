"""Ask RCAEval's methods which services are at fault, for cases written by `--format rcaeval`.

Runs in a separate environment (`requirements.txt`), and knows nothing of meshquake: it reads the folders of cases, and
prints a line of JSON for each, with the services as each method ranks them, most suspicious first, or null if it
failed.

The methods see metrics alone, as BARO's own `read_data` prepares them: at most five minutes on either side of the time
at which the first fault began, which they are told, and the 90th percentile as the latency.
"""

import contextlib
import io
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import RCAEval.e2e as rcaeval  # noqa: E402
from baro.root_cause_analysis import robust_scorer  # noqa: E402
from baro.utility import read_data  # noqa: E402

#: Methods by name; each takes a frame, and the time at which the first fault began.
METHODS: dict[str, Callable[..., dict[str, Any]]] = {
    "BARO": robust_scorer,
    "NSigma": rcaeval.nsigma,
    "CIRCA": rcaeval.circa,
    "PC-PageRank": rcaeval.pc_pagerank,
}
#: RCAEval's name for data of this layout; without such a name its methods drop no column, not even the time.
_DATASET = "re2-ob"


def ranked(method: Callable[..., dict[str, Any]], case: Path) -> "list[str] | None":
    """Rank the services of a case from the most to the least suspicious, by a method's ranking of their metrics."""
    np.random.seed(0)  # CIRCA and the PC algorithm draw random numbers
    begun = int((case / "inject_time.txt").read_text())
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        data = read_data(str(case / "simple_metrics.csv"))
        try:
            found = method(data, begun, dataset=_DATASET)
        except Exception:
            return None
    if "returning the unranked column order" in said.getvalue():  # RCAEval's way of reporting failure
        return None
    return list(dict.fromkeys(str(column).split("_")[0] for column in found["ranks"]))


def main() -> None:
    """Rank the services of each case named on standard input, one folder per line."""
    for line in sys.stdin:
        case = Path(line.strip())
        print(json.dumps({name: ranked(each, case) for name, each in METHODS.items()}), flush=True)


if __name__ == "__main__":
    main()
