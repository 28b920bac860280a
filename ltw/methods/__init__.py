"""How a batch becomes gradients: one file a method, found by name in `METHODS`."""

from ltw.methods.base import Logs, Method
from ltw.methods.erm import ERM
from ltw.methods.ltw import LTW

METHODS: dict[str, type[Method]] = {"alltrain": ERM, "ltw": LTW}
"""Methods by the name used in configs, results and tables; ``METHODS[name].build(config)``."""

__all__ = ["ERM", "LTW", "METHODS", "Logs", "Method"]
