"""Small suites on the toy stores: runs of a second."""

from toy_store import FORGERIES

from ltw.bench.suites import Suite, Variant, leave_one_out

TINY = {
    "detector.backbone": "test_efficientnet",
    "detector.pretrained": False,
    "detector.image_size": 32,
    "training.epochs": 1,
    "training.steps_per_epoch": 2,
    "training.batch_size": 6,
    "training.workers": 0,
    "training.device": "cpu",
}
METHODS = (Variant("alltrain"), Variant("ltw"))


def toy_suite(forgeries=FORGERIES[:3], variants=METHODS, rotations=3):
    """Leave each of the first ``rotations`` forgeries out in turn."""
    names = {name: f"toy-{name}" for name in forgeries}
    return Suite("toy", leave_one_out(forgeries, names)[:rotations], tuple(variants), TINY)
