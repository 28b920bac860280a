"""Tables from fabricated runs whose figures are known by hand, in every format."""

import csv
import html.parser
import io
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from fabricated_runs import faces, write_run
from scipy.stats import norm, t

from ltw import cli, metrics
from ltw.bench.suites import GCD, GID
from ltw.engine.schema import Benchmark
from ltw.errors import ConfigError, DataError
from ltw.report.formats import FORMATS
from ltw.report.tables import make_tables
from ltw.results.runs import read_runs

DF, F2F = GID["GID-DF23"], GID["GID-F2F23"]
MINE = Benchmark("unseen-a", ("b", "c"), ("a",))
LOG_LOSS = -(np.log(0.9) + np.log(0.4)) / 2
GOOD = {"reals": (0.1, 0.2), "fakes": (0.8, 0.9)}
BAD = {"reals": (0.8, 0.9), "fakes": (0.1, 0.2)}


def table(out, format_="csv", **options):
    return FORMATS[format_](make_tables(read_runs(out), **options))


def rows(out, **options):
    return list(csv.DictReader(io.StringIO(table(out, **options))))


def cell(out, metric="auc", **wanted):
    """The one row of the CSV that is so, not a comparison unless that is wanted."""
    wanted = {"versus": "", "metric": metric, **wanted}
    options = {"level": wanted["level"]} if "level" in wanted else {}
    (row,) = (r for r in rows(out, **options) if all(r[k] == v for k, v in wanted.items()))
    return row


def test_the_figures_are_those_that_a_hand_computes(tmp_path):
    """Reals 0.1, 0.6 and fakes 0.4, 0.9: 3 of 4 pairs in order, 2 of 4 right, EER one half."""
    write_run(tmp_path, DF, "ltw", faces(DF.targets))
    by_hand = {"acc": 0.5, "log_loss": LOG_LOSS, "auc": 0.75, "eer": 0.5}
    found = {row["metric"]: float(row["value"]) for row in rows(tmp_path)}
    assert found == pytest.approx(by_hand)
    text = table(tmp_path, "md")
    assert "| LTW | 0.500" in text
    assert "2: Deepfakes or Face2Face unseen" in text
    assert "GID-DF23, tested on Deepfakes** (4 frames of 4 videos)" in text
    assert "One seed." in text


def test_seeds_are_averaged_and_counted(tmp_path):
    write_run(tmp_path, DF, "ltw", faces(DF.targets), seed=0)
    write_run(tmp_path, DF, "ltw", faces(DF.targets, **GOOD), seed=1)
    write_run(tmp_path, DF, "ltw", faces(DF.targets, **BAD), seed=2)
    found = cell(tmp_path)
    assert float(found["value"]) == pytest.approx((0.75 + 1 + 0) / 3)
    assert found["seeds"] == "3"
    assert float(found["low"]) == 0
    assert float(found["high"]) == 1  # three such seeds say nothing
    assert "Mean over 3 seeds." in table(tmp_path, "md")
    write_run(tmp_path, DF, "alltrain", faces(DF.targets))
    text = table(tmp_path, "md")
    assert "Mean over 1 to 3 seeds." in text
    assert "| ERM, n=1 |" in text
    assert "| LTW, n=3 |" in text


def test_the_published_figure_stands_beside_exact_matches_alone(tmp_path):
    write_run(tmp_path, DF, "ltw", faces(DF.targets))
    write_run(tmp_path, DF, "sam", faces(DF.targets))
    sweep = {"ltw.beta": 10.0}
    write_run(tmp_path, DF, "ltw", faces(DF.targets), variant="beta=10", options=sweep)
    other = {"detector.backbone": "xception"}
    write_run(tmp_path, F2F, "ltw", faces(F2F.targets), options=other)
    write_run(tmp_path, F2F, "focal", faces(F2F.targets), options={"focal.gamma": 3.0})
    write_run(tmp_path, F2F, "forensic_transfer", faces(F2F.targets))
    synthetic = Benchmark("synthetic-GID-DF23", DF.sources, DF.targets, "c23")
    write_run(tmp_path, synthetic, "ltw", faces(DF.targets))
    keys = ("benchmark", "method", "variant", "metric")
    beside = {
        tuple(r[k] for k in keys): float(r["published"])
        for r in rows(tmp_path)
        if r["published"] and r["table"].startswith("Table")
    }
    assert beside == {
        ("GID-DF23", "ltw", "", "acc"): 0.856,
        ("GID-DF23", "ltw", "", "log_loss"): 0.792,
        ("GID-DF23", "ltw", "", "auc"): 0.927,
        ("GID-DF23", "ltw", "", "eer"): 0.145,
        ("GID-F2F23", "forensic_transfer", "", "acc"): 0.645,
        ("GID-F2F23", "forensic_transfer", "", "eer"): 0.385,
    }
    assert not any(row["published"] for row in rows(tmp_path, level="video"))
    assert "0.750 [0.000, 1.000] (0.927)" in table(tmp_path, "md").replace("**", "")


def test_a_cell_that_was_not_run_is_empty(tmp_path):
    for benchmark in (DF, F2F):
        write_run(tmp_path, benchmark, "alltrain", faces(benchmark.targets))
    write_run(tmp_path, DF, "ltw", faces(DF.targets))
    second = table(tmp_path, "md").split("GID-F2F23, tested on")[1]
    assert "| LTW |  |  |  |  |" in second
    assert "0.927" not in second
    assert not [r for r in rows(tmp_path) if (r["benchmark"], r["method"]) == ("GID-F2F23", "ltw")]
    assert Page.of(table(tmp_path, "html")).cells["GID-F2F23", "Face2Face", "LTW"] == [[]] * 4
    (line,) = (x for x in table(tmp_path, "latex").splitlines() if x.startswith("LTW"))
    assert line.endswith(" &  &  &  &  \\\\")


def test_another_run_changes_its_own_cells_alone(tmp_path):
    for seed in range(2):
        write_run(tmp_path, DF, "ltw", faces(DF.targets), seed=seed)
        write_run(tmp_path, DF, "alltrain", faces(DF.targets, **GOOD), seed=seed)
    before = rows(tmp_path)
    write_run(tmp_path, DF, "focal", faces(DF.targets))
    write_run(tmp_path, F2F, "alltrain", faces(F2F.targets))
    after = rows(tmp_path)
    assert all(row in after for row in before)
    new = [row for row in after if row not in before]
    assert {(r["benchmark"], r["method"], r["versus"]) for r in new} == {
        ("GID-DF23", "focal", ""),
        ("GID-F2F23", "alltrain", ""),
        ("GID-DF23", "ltw", "focal"),
    }
    write_run(tmp_path, DF, "ltw", faces(DF.targets, **GOOD), seed=2)
    changed = [row for row in after if row not in rows(tmp_path)]
    assert {row["method"] for row in changed} == {"ltw"}


def test_benchmarks_of_ones_own_have_a_mean_of_those_rows_that_were_run_on_all(tmp_path):
    yours = Benchmark("unseen-b", ("a", "c"), ("b",))
    for benchmark, gain in ((MINE, {}), (yours, GOOD)):
        for seed in range(2):
            own = faces(benchmark.targets, **gain)
            write_run(tmp_path, benchmark, "ltw", own, seed=seed, notes=[benchmark.name])
    write_run(tmp_path, MINE, "alltrain", faces(("a",)))
    found = {r["metric"]: r for r in rows(tmp_path) if r["benchmark"] == "mean of 2"}
    assert {r["method"] for r in rows(tmp_path) if not r["target"]} == {"ltw"}
    assert found.keys() == {"acc", "log_loss", "auc", "eer"}
    assert float(found["auc"]["value"]) == pytest.approx((0.75 + 1) / 2)
    half = (float(found["auc"]["high"]) - float(found["auc"]["low"])) / 2
    alone = cell(tmp_path, benchmark="unseen-a", method="ltw")  # nothing varies in the other
    assert half > 0
    assert half <= (float(alone["high"]) - float(alone["low"])) / 2
    assert found["auc"]["notes"] == "unseen-a; unseen-b"
    text = table(tmp_path, "md")
    assert text.index("**Mean of 2 benchmarks**") < text.index("**unseen-a, tested on a**")
    assert "| ERM |  |  |  |  |" in text
    write_run(tmp_path, MINE, "ltw", faces(("a",)), seed=2)
    assert "| LTW, n=2 to 3 [^1] [^2] |" in table(tmp_path, "md")


def test_bold_is_the_best_of_several_and_what_is_printed_alike_is_alike(tmp_path):
    write_run(tmp_path, MINE, "alltrain", faces(("a",)))
    assert "**0" not in table(tmp_path, "md")
    write_run(tmp_path, MINE, "ltw", faces(("a",), (0.1, 0.6), (0.4, 0.9001)))
    write_run(tmp_path, MINE, "focal", faces(("a",), **BAD))
    marked = {
        name: [bool(re.search(r"\*\*\d", cell)) for cell in cells]
        for name, *cells in markdown_rows(table(tmp_path, "md"))
    }
    assert marked["ERM"] == marked["LTW"] == [True] * 4  # log losses differ in the fifth digit
    assert marked["Focal loss"] == [False] * 4


def test_known_forgeries_of_gcd_are_one_column_and_backbones_are_one_mean(tmp_path):
    others = (faces((f"{name}/{name}",), **GOOD) for name in GCD.targets[:2])
    tested = pd.concat([faces(GCD.targets[2:]), *others], ignore_index=True)
    write_run(tmp_path, GCD, "ltw", tested)
    xception = {"variant": "xception", "options": {"detector.backbone": "xception"}}
    write_run(tmp_path, GCD, "ltw", tested, **xception)
    auc = {(r["table"][:7], r["target"]): r for r in rows(tmp_path) if r["metric"] == "auc"}
    assert set(auc) == {
        ("Table 4", "Celeb-DF"),
        ("Table 4", "DFDC"),
        ("Table 4", "OthersAVG"),
        ("Table 6", "AVG"),
    }
    found = {key: (float(r["value"]), r["published"]) for key, r in auc.items()}
    assert found["Table 4", "Celeb-DF"] == (1.0, "0.641")
    assert found["Table 4", "OthersAVG"] == (0.75, "0.985")
    assert found["Table 6", "AVG"] == (pytest.approx((2 * 1 + 4 * 0.75) / 6), "0.879")
    known = auc["Table 4", "OthersAVG"]
    # drawn anew: the reals are shared, so the mean is not four times as certain
    assert (float(known["low"]), float(known["high"])) == slow_mean_interval(tested)


def slow_mean_interval(tested):
    """The interval of the mean AUC over the four forgeries, a loop over draws and forgeries."""
    means = []
    fours = [
        tested[(tested["dataset"] == "FaceForensics++") & tested["domain"].isin(["real", name])]
        for name in GCD.targets[2:]
    ]
    fours = [four.sort_values("video") for four in fours]
    draws = [metrics.draw(four).counts for four in fours]
    for r in range(1000):
        aucs = []
        for four, times in zip(fours, draws, strict=True):
            # one frame a video, sorted alike
            y, p = (np.repeat(four[name].to_numpy(), times[r]) for name in ("label", "p_fake"))
            aucs.append(metrics.auc(y, p))
        means.append(np.mean(aucs))
    fewest = min(four["label"].value_counts().min() for four in fours)
    return tuple(map(pytest.approx, np.quantile(means, tails(fewest))))


def tails(videos):
    """The percentiles of a 95% interval that rests on so few videos of a class, by hand."""
    tail = norm.cdf(t.ppf(0.025, videos - 1) * np.sqrt(videos / (videos - 1)))
    return [tail, 1 - tail]


def test_ablations_make_table_5_and_other_settings_a_row_of_their_own(tmp_path):
    write_run(tmp_path, DF, "alltrain", faces(DF.targets))
    write_run(tmp_path, DF, "ltw-without-icc", faces(DF.targets))
    short = {"training.epochs": 3}
    write_run(tmp_path, DF, "alltrain", faces(DF.targets, **GOOD), options=short)
    found = {(r["table"][:7], r["method"], r["settings"]) for r in rows(tmp_path)}
    both = {("alltrain", "training.epochs=10"), ("alltrain", "training.epochs=3")}
    assert found == {
        *(("Table 2", *row) for row in both),
        *(("Table 5", *row) for row in both),
        ("Table 5", "ltw-without-icc", ""),
    }
    assert "| ERM (training.epochs=3) |" in table(tmp_path, "md")


@pytest.mark.parametrize("format_", list(FORMATS))
def test_notes_are_seen_in_every_format(tmp_path, format_):
    leak = "leak: trained and tested on alike: anna_k"
    write_run(tmp_path, DF, "ltw", faces(DF.targets), notes=[leak], trained=["masks: 5% & less"])
    text = table(tmp_path, format_)
    shown = {"latex": (r"anna\_k", r"masks: 5\% \& less"), "html": ("anna_k", "5% &amp; less")}
    for words in shown.get(format_, ("anna_k", "masks: 5% & less")):
        assert words in text
    mark = {
        "md": "LTW [^1] [^2]",
        "latex": r"\textsuperscript{1,2}",
        "html": 'href="#note-frame-2"',
    }
    assert mark.get(format_, leak) in text


def test_seeds_tested_on_other_faces_have_no_interval_and_a_note(tmp_path):
    write_run(tmp_path, MINE, "ltw", faces(("a",)), seed=0)
    write_run(tmp_path, MINE, "ltw", faces(("a",), fakes=(0.4, 0.9, 0.9)), seed=1)
    found = cell(tmp_path)
    assert (found["low"], found["high"]) == ("", "")
    assert "tested on different faces of a" in found["notes"]


def test_one_video_of_a_class_is_a_figure_without_an_interval(tmp_path):
    write_run(tmp_path, MINE, "ltw", faces(("a",), fakes=(0.9,)), seed=0)
    write_run(tmp_path, MINE, "ltw", faces(("a",), fakes=(0.4,)), seed=1)
    found = cell(tmp_path)
    assert (float(found["value"]), found["low"]) == (0.75, "")
    assert "fewer than two videos" in found["notes"]


def test_ltw_is_compared_on_the_same_draws_and_seeds(tmp_path):
    for benchmark, gain in ((DF, 0.25), (F2F, 0.75)):
        target = benchmark.targets
        ltw = {0.25: {}, 0.75: BAD}[gain]
        write_run(tmp_path, benchmark, "ltw", faces(target, **GOOD))
        write_run(tmp_path, benchmark, "alltrain", faces(target, **ltw))
    found = [r for r in rows(tmp_path) if r["versus"]]
    assert [(r["benchmark"], r["target"], float(r["value"])) for r in found] == [
        ("GID-DF23", "Deepfakes", 0.25),
        ("GID-F2F23", "Face2Face", 1.0),
        ("mean of 2", "", 0.625),
    ]
    assert {(r["method"], r["versus"], r["metric"]) for r in found} == {("ltw", "alltrain", "auc")}
    assert "Intervals in this part: 3." in table(tmp_path, "md")
    assert not [
        r for r in rows(tmp_path, versus=["alltrain"]) if r["versus"] not in ("", "alltrain")
    ]


@pytest.mark.parametrize("level", ["frame", "video"])
def test_a_differences_interval_is_that_of_a_slow_paired_bootstrap(tmp_path, level):
    rng = np.random.default_rng(0)
    scores = {
        m: (rng.normal(0, 1, 12), rng.normal(gain, 1, 12))
        for m, gain in (("ltw", 1.0), ("alltrain", 0.6))
    }
    tested = {m: faces(("a",), *(1 / (1 + np.exp(-x)) for x in two)) for m, two in scores.items()}
    for method, own in tested.items():
        write_run(tmp_path, MINE, method, own)
    found = next(r for r in rows(tmp_path, level=level) if r["versus"])
    ordered = {m: own.sort_values("video") for m, own in tested.items()}
    y = ordered["ltw"]["label"].to_numpy()
    slow = []
    for times in metrics.draw(ordered["ltw"]).counts:
        first, second = (
            metrics.auc(np.repeat(y, times), np.repeat(ordered[m]["p_fake"].to_numpy(), times))
            for m in ("ltw", "alltrain")
        )
        slow.append(first - second)
    bounds = np.quantile(slow, tails(ordered["ltw"]["label"].value_counts().min()))
    assert [float(found["low"]), float(found["high"])] == pytest.approx(bounds)


def test_runs_on_other_faces_are_not_compared_and_that_is_said(tmp_path):
    write_run(tmp_path, MINE, "ltw", faces(("a",)))
    write_run(tmp_path, MINE, "alltrain", faces(("a",), fakes=(0.4, 0.9, 0.9)))
    write_run(tmp_path, MINE, "focal", faces(("a",)), seed=1)
    found = [r for r in rows(tmp_path) if r["versus"]]
    assert [(r["versus"], r["value"], r["notes"]) for r in found] == [
        (name, "", "not compared: other faces or other seeds") for name in ("alltrain", "focal")
    ]
    for format_ in ("md", "latex", "html"):
        assert table(tmp_path, format_).count("not compared: other faces or other seeds") == 2


def test_all_formats_tell_the_same_figures(tmp_path):
    for seed in range(2):
        for method, own in (("alltrain", {}), ("ltw", GOOD), ("forensic_transfer", BAD)):
            for b in (DF, F2F):
                write_run(tmp_path, b, method, faces(b.targets, **own), seed=seed)
    told = {}
    for row in rows(tmp_path):
        if not row["versus"]:
            place = (row["benchmark"], row["target"], row["method"])
            numbers = [row["value"], row["low"], row["high"], row["published"]]
            told.setdefault(place, []).append([f"{float(n):.3f}" for n in numbers if n])
    names = {"alltrain": "ERM", "ltw": "LTW", "forensic_transfer": "ForensicTransfer"}
    expected = {(b, t, names[m]): cells for (b, t, m), cells in told.items()}
    assert Page.of(table(tmp_path, "html")).cells == expected
    assert latex_cells(table(tmp_path, "latex")) == expected
    md = [
        re.findall(r"\d\.\d{3}", c)
        for _, *cells in markdown_rows(table(tmp_path, "md"))
        for c in cells
    ]
    order = [
        (b.name, b.targets[0], n) for b in (DF, F2F) for n in ("ERM", "ForensicTransfer", "LTW")
    ]
    assert md == [cell for place in order for cell in expected[place]]


def markdown_rows(text):
    """The rows of the tables of results, without heads and comparisons."""
    lines = [x for x in text.split("## LTW against")[0].splitlines() if x.startswith("| ")]
    cells = [[c.strip() for c in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] not in ("method", "---")]


def latex_cells(text):
    """Numbers by (benchmark, target, row), and a check that all is balanced and escaped."""
    for name in ("table*", "tabular"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}")
    plain = re.sub(r"\\.", "", text)
    assert plain.count("{") == plain.count("}")
    found = {}
    for tabular in re.findall(r"\\begin\{tabular\}\{(l[c]+)\}(.*?)\\end\{tabular\}", text, re.S):
        places, label = [], ""
        for line in tabular[1].splitlines():
            cells = line.removesuffix(" \\\\").split(" & ")
            if "multicolumn" in line:
                places = re.findall(r"\{c\}\{(\S+), tested on (\S+)\}", line)
            elif len(cells) == len(tabular[0]) and cells[0] != "method":
                label = cells[0] or label
                for n, cell in enumerate(cells[1:]):
                    numbers = re.findall(r"\d\.\d{3}", cell)
                    row = found.setdefault((*places[n // 4], label), [[], [], [], []])
                    row[n % 4] += numbers
    # the published figure stands in the first line, the interval in the second
    return {k: [[c[0], *c[-2:], *c[1:-2]] for c in v] for k, v in found.items()}


class Page(html.parser.HTMLParser):
    """The numbers of a page by (benchmark, target, row), and whatever it would load."""

    def __init__(self):
        super().__init__()
        self.cells, self.place, self.row, self.inside = {}, None, "", ""

    @classmethod
    def of(cls, text):
        page = cls()
        page.feed(text)
        assert not re.search(r"(?:src|href)=\"(?!#)|url\(|@import|<script", text)
        return page

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "table":
            place = (values.get("data-benchmark"), values.get("data-target"))
            self.place = None if None in place else place
        self.inside = tag if tag in ("th", "td") else self.inside
        if tag == "th":
            self.row = ""
        if tag == "td" and self.place:
            self.cells.setdefault((*self.place, self.row.strip()), []).append([])

    def handle_data(self, data):
        if self.inside == "th":
            self.row += data
        elif self.inside == "td" and self.place:
            self.cells[(*self.place, self.row.strip())][-1] += re.findall(r"\d\.\d{3}", data)

    def handle_endtag(self, tag):
        self.inside = "" if tag in ("th", "td") else self.inside


def test_what_is_missing_damaged_or_doubled_is_said(tmp_path):
    with pytest.raises(DataError, match="no finished run in"):
        make_tables(read_runs(tmp_path))
    folder = write_run(tmp_path, MINE, "alltrain", faces(("a",))).path
    with pytest.raises(ConfigError, match="no finished run of 'ltww'"):
        make_tables(read_runs(tmp_path), versus=["ltww"])
    with pytest.raises(ConfigError, match="no finished run of 'ltw'"):
        make_tables(read_runs(tmp_path), versus=["alltrain"])
    shutil.copytree(folder, folder.with_name("copy"))
    with pytest.raises(DataError, match="are the same run"):
        make_tables(read_runs(tmp_path))
    shutil.rmtree(folder.with_name("copy"))
    (folder / "predictions.parquet").unlink()
    with pytest.raises(DataError, match=r"not tested yet.*predictions\.parquet.*ltw evaluate"):
        make_tables(read_runs(tmp_path))


def test_the_command_prints_a_table_or_writes_it(tmp_path, monkeypatch, capsys):
    write_run(tmp_path, DF, "ltw", faces(DF.targets))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ltw", "bench", "table", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), *capsys.readouterr()

    assert call(str(tmp_path)) == (0, table(tmp_path, "md"), "")
    page = tmp_path / "page.html"
    assert call(str(tmp_path), "--format", "html", "--out", str(page))[0] == 0
    assert page.read_text() == table(tmp_path, "html")
    code, out, err = call(str(tmp_path / "nowhere"))
    assert (code, out) == (2, "")
    assert "no finished run" in err
