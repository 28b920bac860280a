"""Service: scoring over HTTP, and a page for the browser. Knows `ltw.infer` and no training."""

from ltw.serve.app import create_app
from ltw.serve.config import ServeConfig, load_serve_config
from ltw.serve.jobs import Results
from ltw.serve.limits import Limits
from ltw.serve.pool import Pool
from ltw.serve.server import serve

__all__ = ["Limits", "Pool", "Results", "ServeConfig", "create_app", "load_serve_config", "serve"]
