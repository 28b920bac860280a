"""The metrics of finished runs as one table, for comparing whole suites."""

import pandas as pd

from ltw.errors import DataError
from ltw.metrics import LEVELS, METRICS
from ltw.results.runs import read_runs


def finished(out):
    """The finished runs in a suite's folder; none where it has none."""
    try:
        return read_runs(out)
    except DataError as error:
        if "no finished run" in str(error):
            return []
        raise


def collect(out):
    """A row a (run, target, level, metric), sorted."""
    rows = [
        {
            "run": run.folder.name,
            "method": run.row.method,
            "target": target,
            "dataset": test.dataset,
            "level": level,
            "metric": metric,
            **test.at(level)[metric].model_dump(),
            "notes": "; ".join(run.record.notes),
        }
        for run in finished(out)
        for target, test in run.targets.items()
        for level in LEVELS
        for metric in METRICS
    ]
    return pd.DataFrame(rows)
