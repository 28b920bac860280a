"""Run folders of a suite as `ltw bench run` leaves them, from given scores instead of training."""

import json

import numpy as np
import pandas as pd

from ltw.bench.plan import PlannedRun, variant_config
from ltw.bench.suites import PAPER_SETTINGS, Suite, Variant
from ltw.engine.evaluate import measure
from ltw.engine.run_folder import log_line, suite_folder
from ltw.engine.settings import settings_hash
from ltw.files import write_text
from ltw.results.published import BENCHMARKS

REALS = (0.1, 0.6)
FAKES = (0.4, 0.9)


def faces(targets, reals=REALS, fakes=FAKES, *, dataset="FaceForensics++", frames=1):
    """Test faces: for each value one video, all ``frames`` of it scored alike.

    ``targets`` are domains or data set/domain; each data set has its own reals.
    """
    rows = []
    for target in targets:
        name, _, domain = target.rpartition("/")
        name = name or dataset
        known = {row[4] for row in rows}
        for label, values in enumerate((reals, fakes)):
            for v, p in enumerate(values):
                kind = domain if label else "real"
                video = f"{name}/{kind}/c23/{v:04d}"
                if video in known:
                    continue
                for frame in range(frames):
                    rows.append((name, kind, label, "c23", video, frame, "test", float(p)))
    columns = ["dataset", "domain", "label", "compression", "video", "frame", "split", "p_fake"]
    return pd.DataFrame(rows, columns=columns).assign(store="store", index=np.arange(len(rows)))


def write_run(
    out, benchmark, method, tested, *, seed=0, variant="", options=(), notes=(), trained=(), log=()
):
    """Write a finished run; ``trained`` is what training noted, ``log`` further lines of its log.

    ``options`` are settings; the paper's benchmarks have the paper's.
    """
    row = Variant(method, variant, dict(options))
    settings = PAPER_SETTINGS if benchmark.name in BENCHMARKS else {}
    suite = Suite("fabricated", (benchmark,), (row,), settings)
    config = variant_config(suite, benchmark, row, out / "store", seed=seed)
    words = [benchmark.name, method, variant, f"seed{seed}", settings_hash(config)]
    folder = suite_folder(out, "-".join(words))
    run = PlannedRun(folder, benchmark, row, config, (), tuple(notes))
    folder.path.mkdir(parents=True)
    folder.write_record(run.record)
    folder.write_config(run.config)
    notes = [log_line("note", 0, 0, {"note": note}) for note in trained]
    write_text(folder.log_path, "".join([*notes, *log]))
    tested.to_parquet(folder.predictions_path)
    write_text(folder.metrics_path, json.dumps(measure(tested)))
    return folder
