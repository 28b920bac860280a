"""The page: complete, self-contained, true to metrics.json, whatever the numbers say."""

import base64
import csv
import io
import re
import shutil
from html.parser import HTMLParser

import cv2
import numpy as np
import pandas as pd
import pytest
from fabricated import SKILL, SOURCES, TARGET, FabricatedStore, fabricate

from ltw import demo
from ltw.errors import DataError
from ltw.labels import HIGHER_IS_BETTER, METRIC_NAMES, interval, number
from ltw.report.figures import comparison, gallery
from ltw.report.figures.captioned import sections
from ltw.report.figures.gallery import FACES
from ltw.report.figures.style import method_colour
from ltw.report.formats import FORMATS
from ltw.report.page import Page, suite_page
from ltw.report.tables import make_tables
from ltw.results.runs import read_runs

VOID = {"meta", "img", "br", "link", "use", "path"}


class Parsed(HTMLParser):
    """Collects what tests ask about, and notices a tag closed out of turn."""

    def __init__(self, text: str):
        super().__init__()
        self.stack, self.attributes, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.attributes.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.stack.pop() == tag


@pytest.fixture(autouse=True)
def fabricated_store(monkeypatch):
    monkeypatch.setattr(gallery, "Store", FabricatedStore)


def html(out, title="A report", **options):
    return suite_page(out, title=title, **options).html()


@pytest.fixture(scope="module")
def page(compared):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery, "Store", FabricatedStore)
        return html(compared, footer="in 212 seconds", configs=True)


def test_parses_with_unique_ids(page):
    parsed = Parsed(page)
    assert parsed.stack == []
    assert len(parsed.ids) == len(set(parsed.ids))
    references = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert references
    assert set(references) <= set(parsed.ids)


def test_needs_nothing_from_outside(page):
    parsed = Parsed(page)
    for tag, attributes in parsed.attributes:
        assert tag not in ("script", "link", "iframe", "object")
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg;base64,"))
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_every_picture_has_a_text_alternative_and_every_column_a_header(page):
    parsed = Parsed(page)
    assert all(a.get("alt") for tag, a in parsed.attributes if tag == "img")
    assert all(a.get("aria-label") for tag, a in parsed.attributes if tag == "svg")
    assert all(a.get("scope") for tag, a in parsed.attributes if tag == "th")


def row(page, target, level, method):
    table = re.search(
        f'data-target="{target}" data-level="{level}">(.*?)</table>', page, re.DOTALL
    )[1]
    return re.search(f'<tr data-method="{method}">(.*?)</tr>', table, re.DOTALL)[1]


def test_page_table_figure_and_metrics_json_give_the_same_numbers(page, compared):
    """Every value and interval of a run, wherever it is shown, is that of its metrics.json."""
    runs = read_runs(compared)
    (section,) = sections(runs)
    axes = comparison.figures(section)[0].figure.axes[0]
    drawn = {float(x) for line in axes.lines for x in np.atleast_1d(line.get_xdata())}
    for level in ("frame", "video"):
        text = FORMATS["csv"](make_tables(runs, level=level))
        listed = {
            (r["target"], r["method"], r["metric"]): r
            for r in csv.DictReader(io.StringIO(text))
            if not r["versus"]
        }
        for run in runs:
            for target, test in run.folder.metrics().domains.items():
                cells = row(page, target, level, run.row.method)
                for metric in METRIC_NAMES:
                    measured = test.at(level)[metric]
                    assert f'<span class="value">{number(measured.value)}</span>' in cells
                    assert interval(measured.low, measured.high) in cells
                    found = listed[target, run.row.method, metric]
                    shown = [float(found[name]) for name in ("value", "low", "high")]
                    assert shown == list(measured.model_dump().values())
                if level == "frame":
                    assert set(test.frame["auc"].model_dump().values()) <= drawn
    page_differences = re.findall(r'class="difference">([^<]+)<', page)
    frame, video = (make_tables(runs, level=level).comparisons for level in ("frame", "video"))
    assert page_differences == [
        f"{c.difference.value:+.3f} [{c.difference.low:+.3f}, {c.difference.high:+.3f}]".replace(
            "-", "−"
        )
        for c in (*frame, *video)
    ]


def test_demo_writes_the_same_numbers(compared, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "TARGET", TARGET)
    shutil.copytree(compared, tmp_path / "demo")
    results = demo.write_report(tmp_path / "demo", 1.5)
    assert set(results) == {"target", "sources", "methods", "seconds"}
    for run in read_runs(compared):
        for level in ("frame", "video"):
            values = {m: run.targets[TARGET].at(level)[m].value for m in METRIC_NAMES}
            assert results["methods"][run.row.method][level] == values
    written = (tmp_path / "demo/report.html").read_text(encoding="utf-8")
    assert "in 2 seconds, from videos to this page" in written
    assert (tmp_path / "demo/comparison.png").read_bytes().startswith(b"\x89PNG")


def test_unseen_target_comes_first_and_is_marked(page):
    tables = re.findall(r'data-target="(\w+)" data-level="frame">\s*<caption>(.*?)</cap', page)
    assert [name for name, _ in tables] == [TARGET, *sorted(SOURCES)]
    assert ["never seen" in caption for _, caption in tables] == [True, False, False, False]


def test_only_the_best_value_is_bold(page, compared):
    erm, ltw = (run.targets[TARGET].frame for run in read_runs(compared))
    cells = re.findall(r'<td( class="best")?>', row(page, TARGET, "frame", "ltw"))
    for best, (name, higher) in zip(cells, HIGHER_IS_BETTER.items(), strict=True):
        first, second = erm[name].value, ltw[name].value
        assert bool(best) == (second >= first if higher else second <= first)


@pytest.mark.parametrize(
    ("skill", "verdict"),
    [
        (3.0, "LTW is better than ERM on these test videos"),
        (0.75, "These test videos do not tell LTW and ERM apart"),
        (-0.5, "LTW is worse than ERM on these test videos"),
    ],
)
def test_verdict_follows_the_numbers(skill, verdict, tmp_path, monkeypatch):
    monkeypatch.setitem(SKILL, "ltw", SKILL["ltw"] | {TARGET: skill})
    text = html(fabricate(tmp_path, videos=20, frames=2))
    assert verdict in text
    assert len(re.findall('class="verdict"', text)) == 1


@pytest.mark.parametrize(
    ("skill", "words"),
    [(0.0, "not shown to be better than guessing"), (-2.0, "that is worse than guessing")],
)
def test_a_detector_at_or_below_chance_is_called_so(skill, words, tmp_path, monkeypatch):
    monkeypatch.setitem(SKILL, "alltrain", SKILL["alltrain"] | {TARGET: skill})
    assert words in html(fabricate(tmp_path, ["alltrain"], videos=20, frames=2))


def test_gallery_rises_from_the_lowest_to_the_highest_weight(page, compared):
    (ltw,) = (run for run in read_runs(compared) if run.row.method == "ltw")
    weights = ltw.folder.weights()
    for name, label in (("Fakes", 1), ("Reals", 0)):
        own = weights[weights["label"] == label]
        shown_faces = re.search(f'data-gallery="{name}">(.*?)</ol>', page, re.DOTALL)[1]
        shown = [float(w) for w in re.findall(r"<span>([\d.]+)</span>", shown_faces)]
        assert len(shown) == FACES
        assert shown == sorted(shown)
        assert shown[0] == pytest.approx(own["weight"].min(), abs=5e-4)
        assert shown[-1] == pytest.approx(own["weight"].max(), abs=5e-4)
        lowest = own.sort_values("weight").iloc[0]
        data = base64.b64decode(re.search(r"base64,([^\"]+)", shown_faces)[1])
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        original = FabricatedStore().images([int(lowest["index"])])[0]
        expected = cv2.resize(original, image.shape[:2], interpolation=cv2.INTER_AREA)
        assert np.abs(image.astype(int) - expected).mean() < 6


def test_states_selection_rule_seeds_settings_and_time(page):
    text = " ".join(page.split())
    assert "the epoch with the best AUC on validation faces of the sources" in text
    assert "the target was read once, at the end" in text
    assert "One seed." in text
    assert "efficientnet_b0, 224 px, 10 epochs over every fake, batches of 25, 1 seed" in text
    assert "in 212 seconds" in text
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    assert captions
    assert all("10 epochs over every fake" in c for c in captions if "Training faces" not in c)


def test_foreign_text_is_escaped(compared, tmp_path):
    shutil.copytree(compared, tmp_path / "suite")
    (ltw,) = (run.folder for run in read_runs(tmp_path / "suite") if run.row.method == "ltw")
    evil = "</pre><script>1</script>"
    ltw.write_config(ltw.config.model_copy(update={"target": evil}))
    text = html(tmp_path / "suite", title="<b>A & B</b><script>", configs=True)
    assert "<script>" not in text
    assert "<h1>&lt;b&gt;A &amp; B&lt;/b&gt;&lt;script&gt;</h1>" in text


def test_erm_alone_has_no_weights_no_differences_and_opens_no_store(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "Store", None)
    text = html(fabricate(tmp_path, ["alltrain"], videos=8, frames=2))
    Parsed(text)
    assert "data-gallery" not in text
    assert "learned weight" not in text.lower()
    assert '<td class="difference"' not in text
    assert 'class="best"' not in text
    assert "of ERM, trained" in text


def test_same_input_same_page(page, compared):
    assert html(compared, footer="in 212 seconds", configs=True) == page


def test_missing_files_are_named(compared, tmp_path):
    with pytest.raises(DataError, match=r"no finished run in .*make some: ltw bench run"):
        suite_page(tmp_path, title="")
    shutil.copytree(compared, tmp_path / "suite")
    for run in read_runs(tmp_path / "suite"):
        run.folder.predictions_path.unlink()
    page = suite_page(tmp_path / "suite", title="")
    assert re.search(r"predictions\.parquet.*ltw evaluate", page.left_out["tables"])
    assert "ltw evaluate" in page.html()


def test_figures_use_theme_colours_only(page):
    drawn = page.split("</style>", 1)[1]
    assert set(re.findall(r"(?:fill|stroke): (#\w+)", drawn)) <= {"#ffffff"}
    assert {f"var(--{method_colour(m).name})" for m in SKILL} <= set(
        re.findall(r"var\(--\w+\)", drawn)
    )


def test_a_page_of_nothing_is_a_page():
    assert Parsed(Page("Empty").html()).stack == []


def test_weights_of_the_fabricated_runs_are_of_their_store(compared):
    (ltw,) = (run for run in read_runs(compared) if run.row.method == "ltw")
    weights = ltw.folder.weights()
    held = FabricatedStore().records["domain"].reindex(weights["index"])
    pd.testing.assert_series_equal(held, weights["domain"], check_names=False, check_index=False)
