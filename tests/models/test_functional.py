"""Warnings of third parties do not reach whoever trains; those of a user's own calls do."""

import subprocess
import sys

STEP = """
import torch
from ltw.models.functional import exact_derivative
params = {"w": torch.tensor([2.0, 3.0])}
loss = lambda at: ((at["w"] ** 3).sum(), at["w"] ** 2)
hessian_vector, slopes = exact_derivative(loss, params, [torch.tensor([1.0, 10.0])])
assert hessian_vector[0].tolist() == [12.0, 180.0], hessian_vector
assert slopes.tolist() == [4.0, 60.0], slopes
try:
    torch.jit.script(lambda x: x)
except FutureWarning as error:
    print("warned:", error)
"""


def test_the_exact_second_order_warns_of_nothing_and_silences_nobody_else():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", STEP], capture_output=True, text=True, timeout=240
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "warned: `torch.jit.script`" in done.stdout
