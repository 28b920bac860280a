"""What figures show: the points of their curves against hand-computed values and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from fabricated import FabricatedStore
from scipy.special import ndtri
from sklearn.metrics import auc, det_curve, roc_auc_score

from ltw.labels import method_name
from ltw.methods import METHODS
from ltw.report.figures.gallery import FACES, galleries, gallery_figure, pick
from ltw.report.figures.robustness import mean_robustness, robustness_figure
from ltw.report.figures.roc import det_figure, det_limits, det_points, mean_roc, roc_figure
from ltw.report.figures.style import method_colour, method_line, spread
from ltw.report.figures.sweeps import places, sweep_figure
from ltw.report.figures.weights import weights_by_epoch, weights_figure
from ltw.results.corruptions import CORRUPTIONS


def scores(seed, n=60, digits=6):
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n)
    logits = rng.normal(1.2 * labels)
    return labels, np.round(1 / (1 + np.exp(-logits)), digits)


def drawn(axes, label):
    (line,) = [line for line in axes.lines if str(line.get_label()).startswith(label)]
    return np.column_stack(line.get_data()).astype(float)


def test_every_method_has_a_name_and_a_look_of_its_own():
    assert len({method_name(m) for m in METHODS}) == len(METHODS)
    assert len({(method_colour(m), method_line(m)) for m in METHODS}) == len(METHODS)


@pytest.mark.parametrize("digits", [6, 1])  # 1: many equal scores
def test_det_points_are_those_of_scikit_learn(digits):
    labels, p_fake = scores(0, digits=digits)
    fpr, fnr = det_points(mean_roc([(labels, p_fake)]))
    want_fpr, want_fnr, _ = det_curve(labels, p_fake)
    for x, y in zip(want_fpr, want_fnr, strict=True):
        on = np.isclose(fpr, x)  # ours drops what lies on a straight line between its neighbours
        foot, head = (fnr[on].min(), fnr[on].max()) if on.any() else [np.interp(x, fpr, fnr)] * 2
        assert foot - 1e-12 <= y <= head + 1e-12
    assert np.isclose(want_fpr[:, None], fpr).any(axis=0)[1:-1].all()


def test_a_mean_roc_is_the_mean_at_every_false_positive_rate():
    # Seed 1 finds both fakes before the first real; seed 2 one, then both reals, then the other.
    first = ([1, 1, 0, 0], [0.9, 0.8, 0.3, 0.2])
    second = ([1, 0, 0, 1], [0.9, 0.8, 0.7, 0.2])
    curve = mean_roc([first, second])
    assert np.column_stack([curve.fpr, curve.tpr]).tolist() == [
        [0, 0],
        [0, 0.75],
        [1, 0.75],
        [1, 1],
    ]
    assert curve.low.tolist() == [0, 0.5, 0.5, 1]
    assert curve.high.tolist() == [0, 1, 1, 1]
    assert curve.auc == 0.75


def test_the_area_under_a_mean_roc_is_the_mean_auc():
    seeds = [scores(seed, n) for seed, n in enumerate((50, 50, 37))]
    curve = mean_roc(seeds)
    want = np.mean([roc_auc_score(*seed) for seed in seeds])
    assert curve.auc == pytest.approx(want, abs=1e-12)
    assert auc(curve.fpr, curve.tpr) == pytest.approx(want, abs=1e-12)
    assert (curve.low <= curve.tpr + 1e-12).all()
    assert (curve.tpr <= curve.high + 1e-12).all()
    assert len(curve.fpr) < sum(len(labels) for labels, _ in seeds) * 2


def test_roc_and_det_draw_the_curve_and_the_best_first():
    curves = {"alltrain": mean_roc([scores(0)]), "ltw": mean_roc([scores(1), scores(2)])}
    figure = roc_figure(curves)
    best = max(curves, key=lambda m: curves[m].auc)
    assert (
        figure.axes[0].get_legend().texts[0].get_text()
        == f"{method_name(best)} {curves[best].auc:.3f}"
    )
    curve = curves["ltw"]
    assert drawn(figure.axes[0], "LTW").tolist() == np.column_stack([curve.fpr, curve.tpr]).tolist()
    axes = det_figure(curves).axes[0]
    inside = (curve.fpr > 0) & (curve.fpr < 1) & (curve.tpr < 1) & (curve.tpr > 0)
    points = np.column_stack([ndtri(curve.fpr), ndtri(1 - curve.tpr)])[inside]
    np.testing.assert_allclose(drawn(axes, "LTW")[inside], points, atol=1e-9)
    ticks = dict(
        zip((t.get_text() for t in axes.get_xticklabels()), axes.get_xticks(), strict=True)
    )
    assert ticks["20"] == pytest.approx(-0.8416212)
    assert ticks["40"] == pytest.approx(-0.2533471)


def test_det_axes_end_at_40_percent_unless_a_detector_is_weak():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 1000)
    good = mean_roc([(labels, 1 / (1 + np.exp(-rng.normal(4 * labels))))])
    weak = mean_roc([scores(0)])
    assert det_limits([good]) == (0.001, 0.4)
    assert det_limits([good, weak]) == (0.001, 0.999)
    low, high = det_limits([weak])
    assert low <= 1 / 60
    assert high >= 0.9


def log(*epochs):
    steps = [{"kind": "step", "step": 1, "epoch": 1, "loss": 0.5}]
    return steps + [
        {"kind": "epoch", "epoch": n, "weights": weights} for n, weights in enumerate(epochs, 1)
    ]


def test_weights_are_means_over_seeds_with_their_spread():
    table = weights_by_epoch(
        [
            log({"real": 0.5, "swap": 0.4}, {"real": 0.2, "swap": 0.6}),
            log({"real": 0.7, "swap": 0.4}, {"real": 0.1, "swap": 0.9}),
            log({"real": 0.9, "swap": 0.1}),  # cut off after one epoch
        ]
    )
    rows = table.set_index(["domain", "epoch"]).round(9)
    assert rows.loc[("real", 1)].tolist() == [0.7, 0.5, 0.9, 3]
    assert rows.loc[("real", 2)].tolist() == [0.15, 0.1, 0.2, 2]
    assert rows.loc[("swap", 1)].tolist() == [0.3, 0.1, 0.4, 3]
    assert rows.loc[("swap", 2)].tolist() == [0.75, 0.6, 0.9, 2]
    axes = weights_figure(table).axes[0]
    assert [line.get_ydata().tolist() for line in axes.lines] == [
        pytest.approx([0.7, 0.15]),
        pytest.approx([0.3, 0.75]),
    ]
    assert {text.get_text() for text in axes.texts} == {"real", "swap"}
    assert weights_by_epoch([[{"kind": "epoch", "epoch": 1}]]).empty


def test_labels_are_moved_apart_and_no_further_than_need_be():
    assert spread([0, 1, 2], 0.5) == [0, 1, 2]
    assert spread([1, 1, 5], 1) == pytest.approx([0.5, 1.5, 5])


def test_a_gallery_rises_by_weight_and_spans_all_of_it():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    weights = pd.DataFrame(
        {
            "index": np.arange(200),
            "domain": np.where(labels == 1, "swap", "real"),
            "label": labels,
            "weight": rng.random(200),
        }
    )
    shown = galleries(weights, FabricatedStore())
    for name, label in (("Fakes", 1), ("Reals", 0)):
        own = np.sort(weights.loc[weights["label"] == label, "weight"])
        got = [face.weight for face in shown[name]]
        assert got == sorted(got)
        assert (got[0], got[-1], len(got)) == (own[0], own[-1], FACES)
        assert {face.domain for face in shown[name]} == {"swap" if label else "real"}
        index = int(weights["index"][weights["weight"] == got[3]].iloc[0])
        assert np.array_equal(shown[name][3].image, FabricatedStore().images([index])[0])
    titles = [axes.get_title() for axes in gallery_figure(shown).axes]
    assert titles[:FACES] == [f"{face.weight:.3f}" for face in shown["Fakes"]]
    assert titles[FACES:] == [f"{face.weight:.3f}" for face in shown["Reals"]]
    assert pick(weights.head(3))["weight"].is_monotonic_increasing
    assert pick(weights.head(0)).empty


def test_a_sweep_has_its_zero_apart_and_runs_with_intervals():
    settings = [0, 0, 0.01, 0.01, 1, 1]
    values = [0.5, 0.7, 0.8, 0.8, 0.6, 0.9]
    rows = [
        {"setting": s, "metric": m, "value": v, "low": v - 0.1, "high": v + 0.1}
        for m in ("auc", "acc")
        for s, v in zip(settings, values, strict=True)
    ]
    assert places(np.asarray([0, 0.01, 1])).tolist() == [-3.5, -2, 0]
    axes = sweep_figure(pd.DataFrame(rows), "beta", "ltw").axes[0]
    markers = next(line for line in axes.lines if line.get_marker() == "D")
    assert markers.get_xdata().tolist() == [-3.5, -2, 0]
    assert markers.get_ydata().tolist() == pytest.approx([0.6, 0.8, 0.75])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "0.01", "1"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert sorted(y for dot in dots for y in dot.get_ydata()) == sorted(values)
    bars = np.concatenate([bar for lines in axes.collections for bar in lines.get_segments()])
    ends = [end for v in values for end in (v - 0.1, v + 0.1)]
    assert sorted(bars[:, 1]) == pytest.approx(sorted(ends))


def robustness_table(shift):
    return pd.DataFrame(
        [
            {
                "corruption": name,
                "strength": strength,
                "value": 0.9 - strength * 0.05 - shift,
                "low": 0.3,
                "high": 0.99,
            }
            for name in CORRUPTIONS
            for strength in range(6)
        ]
    )


def test_robustness_averages_seeds_and_a_single_one_keeps_its_interval():
    mean = mean_robustness([robustness_table(0), robustness_table(0.1)])
    rows = mean[mean["corruption"] == "blur"]
    assert rows["value"].tolist() == pytest.approx([0.85 - 0.05 * s for s in range(6)])
    assert rows["low"].tolist() == pytest.approx([0.8 - 0.05 * s for s in range(6)])
    single = mean_robustness([robustness_table(0)])
    assert set(single["low"]) == {0.3}
    figure = robustness_figure({"ltw": mean, "alltrain": single})
    for axes, (name, corruption) in zip(figure.axes, CORRUPTIONS.items(), strict=False):
        want = mean.loc[mean["corruption"] == name, "value"]
        assert drawn(axes, "LTW")[:, 1].tolist() == want.tolist()
        ticks = [tick.get_text() for tick in axes.get_xticklabels()]
        assert ticks == ["none", *(f"{level:g}" for level in corruption.levels)]
