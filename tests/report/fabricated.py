"""A fabricated comparison of ERM and LTW with faces, so that pages are tested without training."""

import cv2
import numpy as np
import pandas as pd
from fabricated_runs import write_run

from ltw.engine.run_folder import log_line
from ltw.engine.schema import Benchmark

SOURCES = ("expression_transfer", "graphics_swap", "mouth_rerendering")
TARGET = "learned_swap"
SKILL = {
    "alltrain": dict.fromkeys(SOURCES, 2.2) | {TARGET: 0.7},
    "ltw": dict.fromkeys(SOURCES, 2.0) | {TARGET: 1.3},
}


BENCHMARK = Benchmark("demo", SOURCES, (TARGET, *SOURCES))


class FabricatedStore:
    """Faces drawn on demand: a tone, two eyes and a mouth; row i always looks the same."""

    def __init__(self, path=None):
        rng = np.random.default_rng(3)
        self.path = path
        self.records = pd.DataFrame(
            {"domain": np.array(["real", *SOURCES])[rng.integers(0, 4, 300)]}
        )

    def images(self, indices):
        return np.stack([self._draw(np.random.default_rng(i)) for i in indices])

    def _draw(self, rng):
        image = np.full((128, 128, 3), rng.integers(60, 220, 3), np.uint8)
        tone = tuple(int(v) for v in np.sort(rng.integers(70, 240, 3))[::-1])
        cv2.ellipse(image, (64, 66), (40, 52), 0, 0, 360, tone, -1, cv2.LINE_AA)
        for x in (48, 80):
            cv2.circle(image, (x, 56), 6, (250, 250, 250), -1, cv2.LINE_AA)
            cv2.circle(image, (x, 56), 3, (40, 30, 30), -1, cv2.LINE_AA)
        cv2.ellipse(image, (64, 92), (14, int(rng.integers(2, 9))), 0, 0, 180, (150, 50, 60), -1)
        return image


def predictions(method: str, videos: int = 30, frames: int = 5, seed: int = 0) -> pd.DataFrame:
    """Test scores; both methods see the same faces and share how hard each video is."""
    hard, own = np.random.default_rng(seed), np.random.default_rng(seed + len(method))
    rows = []
    for domain in ("real", TARGET, *SOURCES):
        for v in range(videos):
            logit = hard.normal() + 0.4 * own.normal() + SKILL[method].get(domain, 0)
            for f in range(frames):
                rows.append(
                    {
                        "index": len(rows),
                        "dataset": "synth",
                        "domain": domain,
                        "label": int(domain != "real"),
                        "compression": "c23",
                        "video": f"synth/{domain}/c23/{v:03d}",
                        "frame": f,
                        "split": "test",
                        "p_fake": 1 / (1 + np.exp(1 - logit - 0.3 * own.normal())),
                    }
                )
    return pd.DataFrame(rows)


def log(method: str):
    """A log of 200 steps in ten epochs; LTW's weights fade, reals' most of all."""
    rng = np.random.default_rng(len(method))
    for step in range(1, 201):
        loss = 0.7 * np.exp(-step / 80) + 0.05 * rng.random() + 0.05
        yield log_line("step", step, (step - 1) // 20 + 1, {"loss": loss})
        if step % 20 == 0:
            auc = 0.95 - 0.4 * np.exp(-step / 60) + 0.02 * rng.random()
            epoch = {"seconds": 3.0, "validation": {"acc": 0.9, "log_loss": 0.3, "auc": auc}}
            if method == "ltw":
                fading = 0.5 * np.exp(-step / 150)
                sources = {s: 0.3 + fading * place / 2 for place, s in enumerate(SOURCES)}
                epoch["weights"] = {"real": 0.1 + fading, **sources}
            yield log_line("epoch", step, step // 20, epoch)


def fabricate(out, methods=tuple(SKILL), **shape):
    """Write a suite of one run a method, on one benchmark with its sources among the targets."""
    for method in methods:
        folder = write_run(out, BENCHMARK, method, predictions(method, **shape), log=log(method))
        if method == "ltw":
            rng = np.random.default_rng(3)
            domains = np.array(["real", *SOURCES])[rng.integers(0, 4, 300)]
            table = {"index": np.arange(300), "domain": domains, "weight": rng.random(300)}
            labels = (domains != "real").astype(int)
            pd.DataFrame({**table, "label": labels}).to_parquet(folder.weights_path)
    return out
