"""One function over many items, in other processes, here or on a Ray cluster: `each`.

A process does one item at a time and is watched by itself, so that whoever dies or hangs is known,
and costs that item alone. Executors of the standard library give up all work when one process dies
and cannot stop a task; joblib is built on them, its Ray backend included. Pebble's pool was tried:
with a busy parent it named the wrong item after a crash, or waited for ever.
"""

from ltw.parallel.each import ENGINES, each
from ltw.parallel.processes import cores
from ltw.parallel.shards import Shard
from ltw.parallel.worker import Failure

__all__ = ["ENGINES", "Failure", "Shard", "cores", "each"]
