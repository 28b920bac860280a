"""MTCNN (Zhang et al., 2016) by mtcnn-runtime, on one thread."""

from __future__ import annotations

from functools import cache, partial
from types import SimpleNamespace

import onnxruntime
from mtcnnruntime import MTCNN, detector


@cache
def mtcnn() -> MTCNN:
    """Return this process's MTCNN.

    Its networks are so small that more threads make them slower (3 times on 2 cores), and jobs run
    in parallel over videos. mtcnn-runtime (1.0.0, the newest) takes no session options: it makes
    its sessions by the name ``onnxruntime`` in its module ``detector``, so that name is given
    another meaning there, for good. onnxruntime itself, and who else uses it, is left alone.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = partial(onnxruntime.InferenceSession, sess_options=options)
    detector.onnxruntime = SimpleNamespace(InferenceSession=session)
    return MTCNN()
