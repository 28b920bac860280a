"""Finished runs of a suite's folder, of which there may be none yet."""

from ltw.errors import DataError
from ltw.metrics import METRICS
from ltw.results.runs import metrics_table, read_runs


def finished(out):
    """The finished runs in a suite's folder; none where it has none."""
    try:
        return read_runs(out)
    except DataError as error:
        if "no finished run" in str(error):
            return []
        raise


def collect(out):
    """The metrics that tables have, of all finished runs; nothing where there is none."""
    runs = finished(out)
    return metrics_table(runs).query("metric in @METRICS").reset_index(drop=True) if runs else []


__all__ = ["METRICS", "collect", "finished"]
