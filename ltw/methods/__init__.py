"""How a batch becomes gradients: one file a method, found by name in `METHODS`."""

from ltw.methods.ablations import LTWWithoutICC, LTWWithoutMetaTest, LTWWithoutWeights
from ltw.methods.base import Logs, Method
from ltw.methods.erm import ERM, Basemodel
from ltw.methods.focal import Focal
from ltw.methods.forensic_transfer import ForensicTransfer
from ltw.methods.group_dro import GroupDRO
from ltw.methods.ltw import LTW
from ltw.methods.mldg import MLDG
from ltw.methods.multi_task import MultiTask
from ltw.methods.paired_erm import PairedERM
from ltw.methods.sam import SAM
from ltw.sections import Section

METHODS: dict[str, type[Method]] = {
    "basemodel": Basemodel,
    "alltrain": ERM,
    "alltrain-paired": PairedERM,
    "focal": Focal,
    "group_dro": GroupDRO,
    "sam": SAM,
    "forensic_transfer": ForensicTransfer,
    "multi_task": MultiTask,
    "mldg": MLDG,
    "ltw": LTW,
    "ltw-without-icc": LTWWithoutICC,
    "ltw-without-weights": LTWWithoutWeights,
    "ltw-without-meta-test": LTWWithoutMetaTest,
}
"""Methods by the name used in configs, results and tables."""


def method_sections() -> dict[str, type[Section]]:
    """Return what an experiment file may say of the methods: options by the name of their table."""
    return {m.section: m.Options for m in METHODS.values() if m.section is not None}


__all__ = [
    "ERM",
    "LTW",
    "METHODS",
    "MLDG",
    "SAM",
    "Basemodel",
    "Focal",
    "ForensicTransfer",
    "GroupDRO",
    "LTWWithoutICC",
    "LTWWithoutMetaTest",
    "LTWWithoutWeights",
    "Logs",
    "Method",
    "MultiTask",
    "PairedERM",
    "method_sections",
]
