"""MTCNN runs on one thread, and nobody else's sessions are changed by that."""

import onnxruntime

from ltw.mtcnn import mtcnn


def test_sessions_have_one_thread_and_onnxruntime_is_left_alone():
    before = onnxruntime.InferenceSession
    networks = [value for value in vars(mtcnn()).values() if isinstance(value, list)]
    assert len(networks) == 3
    for session, *_ in networks:
        options = session.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert onnxruntime.InferenceSession is before
    assert isinstance(before, type)
