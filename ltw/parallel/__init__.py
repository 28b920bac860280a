"""Parallel map: a function over many items, in processes of this machine or on a Ray cluster.

A process does one item at a time and is watched by itself, so that whoever dies or hangs is known,
and costs that item alone. Executors of the standard library give up all work when one process dies
and cannot stop a task; joblib is built on them, its Ray backend included. Pebble's pool was tried:
with a busy parent it named the wrong item after a crash, or waited for ever.
"""

from ltw.parallel.lifetime import tie_to_parent
from ltw.parallel.map_unordered import ENGINES, map_unordered
from ltw.parallel.processes import cores
from ltw.parallel.shards import Shard
from ltw.parallel.worker import Failure

__all__ = ["ENGINES", "Failure", "Shard", "cores", "map_unordered", "tie_to_parent"]
