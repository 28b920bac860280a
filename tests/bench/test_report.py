"""The report page: complete, self-contained, true to metrics.json, whatever the numbers say."""

import base64
import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pandas as pd
import pytest
from fabricated import SKILL, SOURCES, TARGET, FabricatedStore, run_folder

from ltw.bench import figures, report
from ltw.bench.figures.comparison import comparison_figure
from ltw.bench.figures.gallery import FACES
from ltw.bench.report import collect_results, write_report
from ltw.errors import DataError

VOID = {"meta", "img", "br", "link", "use", "path"}


class Page(HTMLParser):
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
    monkeypatch.setattr(report, "Store", FabricatedStore)


def write(out, runs, tmp_path, title="A report", **options):
    write_report(out, runs, store=tmp_path, sources=SOURCES, target=TARGET, title=title, **options)
    return out.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "Store", FabricatedStore)
        folder = tmp_path_factory.mktemp("report")
        text = write(folder / "report.html", runs, folder, seconds=212.4)
        assert [path.name for path in folder.iterdir()] == ["report.html"]
    return text


def test_parses_with_unique_ids(page):
    parsed = Page(page)
    assert parsed.stack == []
    assert len(parsed.ids) == len(set(parsed.ids))
    references = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert references
    assert set(references) <= set(parsed.ids)


def test_needs_nothing_from_outside(page):
    parsed = Page(page)
    for tag, attributes in parsed.attributes:
        assert tag not in ("script", "link", "iframe", "object")
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg;base64,"))
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_every_picture_has_a_text_alternative_and_every_column_a_header(page):
    parsed = Page(page)
    assert all(a.get("alt") for tag, a in parsed.attributes if tag == "img")
    assert all(a.get("aria-label") for tag, a in parsed.attributes if tag == "svg")
    assert all(a.get("scope") for tag, a in parsed.attributes if tag == "th")


def test_table_holds_the_numbers_of_metrics_json(page, runs):
    frame, video = page.split("Whole videos")
    for method, folder in runs.items():
        measured = json.loads((folder / "metrics.json").read_text())["domains"]
        for domain in (TARGET, *SOURCES):
            for at, text in (("frame", frame), ("video", video)):
                row = re.search(
                    f'data-domain="{domain}" data-method="{method}">(.*?)</tr>', text, re.DOTALL
                )[1]
                for cell in measured[domain][at].values():
                    assert f'<span class="value">{cell["value"]:.3f}</span>' in row
                    assert f"{cell['low']:.3f}–{cell['high']:.3f}" in row


def test_unseen_target_comes_first_and_is_marked(page):
    rows = re.findall(r'data-domain="(\w+)"', page)
    assert list(dict.fromkeys(rows)) == [TARGET, *SOURCES]
    assert page.index('<tbody class="unseen">') < page.index("data-domain")


def test_only_the_best_value_is_bold(page, runs):
    measured = [json.loads((f / "metrics.json").read_text())["domains"] for f in runs.values()]
    row = re.search(f'data-domain="{TARGET}" data-method="ltw">(.*?)</tr>', page, re.DOTALL)[1]
    cells = dict(zip(report.COLUMNS, re.findall(r'<td( class="best")?>', row), strict=True))
    for name, higher in report.HIGHER_IS_BETTER.items():
        erm, ltw = (m[TARGET]["frame"][name]["value"] for m in measured)
        assert bool(cells[name]) == (ltw >= erm if higher else ltw <= erm)


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
    runs = {m: run_folder(tmp_path / m, m, videos=20, frames=2) for m in ("alltrain", "ltw")}
    text = write(tmp_path / "report.html", runs, tmp_path)
    assert verdict in text
    assert len(re.findall('class="verdict"', text)) == 1


@pytest.mark.parametrize(
    ("skill", "words"),
    [(0.0, "not shown to be better than guessing"), (-2.0, "that is worse than guessing")],
)
def test_a_detector_at_or_below_chance_is_called_so(skill, words, tmp_path, monkeypatch):
    monkeypatch.setitem(SKILL, "alltrain", SKILL["alltrain"] | {TARGET: skill})
    runs = {"alltrain": run_folder(tmp_path / "erm", "alltrain", videos=20, frames=2)}
    assert words in write(tmp_path / "report.html", runs, tmp_path)


def test_gallery_rises_from_the_lowest_to_the_highest_weight(page, runs):
    weights = pd.read_parquet(runs["ltw"] / "weights.parquet")
    for name, label in (("Fakes", 1), ("Reals", 0)):
        own = weights[weights["label"] == label]
        gallery = re.search(f'data-gallery="{name}">(.*?)</ol>', page, re.DOTALL)[1]
        shown = [float(w) for w in re.findall(r"<span>([\d.]+)</span>", gallery)]
        assert len(shown) == FACES
        assert shown == sorted(shown)
        assert shown[0] == pytest.approx(own["weight"].min(), abs=5e-4)
        assert shown[-1] == pytest.approx(own["weight"].max(), abs=5e-4)
        lowest = own.sort_values("weight").iloc[0]
        data = base64.b64decode(re.search(r"base64,([^\"]+)", gallery)[1])
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        original = FabricatedStore().images([int(lowest["index"])])[0]
        expected = cv2.resize(original, image.shape[:2], interpolation=cv2.INTER_AREA)
        assert np.abs(image.astype(int) - expected).mean() < 6


def test_states_selection_rule_seeds_and_time(page):
    text = " ".join(page.split())
    assert "best AUC on validation videos of the source forgeries" in text
    assert "learned swap was read once, at the end" in text
    assert "One training run (one seed) a method" in text
    assert "in 212 seconds" in text


def test_foreign_text_is_escaped(runs, tmp_path):
    (tmp_path / "ltw").mkdir()
    for path in runs["ltw"].iterdir():
        (tmp_path / "ltw" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "ltw" / "config.toml").write_text('note = "</pre><script>1</script>"')
    text = write(
        tmp_path / "r.html", {"ltw": tmp_path / "ltw"}, tmp_path, title="<b>A & B</b><script>"
    )
    assert "<script>" not in text
    assert "<h1>&lt;b&gt;A &amp; B&lt;/b&gt;&lt;script&gt;</h1>" in text


def test_erm_alone_has_no_weights_no_differences_and_opens_no_store(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "Store", None)
    text = write(tmp_path / "r.html", {"alltrain": runs["alltrain"]}, tmp_path)
    Page(text)
    assert "gallery" not in text.split("</style>")[1]
    assert "learned weight" not in text
    assert '<tr class="difference"' not in text
    assert 'class="best"' not in text
    assert "One detector was" in text


def test_same_input_same_page(page, runs, tmp_path):
    again = write(tmp_path / "r.html", runs, tmp_path, seconds=212.4)
    assert again == page


def test_missing_files_and_target(runs, tmp_path):
    with pytest.raises(DataError, match=r"predictions\.parquet.*ltw evaluate"):
        write(tmp_path / "r.html", {"ltw": tmp_path}, tmp_path)
    with pytest.raises(DataError, match="not measured on the target 'x'"):
        write_report(
            tmp_path / "r.html", runs, store=tmp_path, sources=SOURCES, target="x", title=""
        )
    assert list(tmp_path.iterdir()) == []


def test_figures_use_theme_colours_only(page):
    drawn = page.split("</style>", 1)[1]
    assert set(re.findall(r"(?:fill|stroke): (#\w+)", drawn)) <= {"#ffffff"}
    assert {f"var(--{figures.method_colour(m).name})" for m in SKILL} <= set(
        re.findall(r"var\(--\w+\)", drawn)
    )


def test_results_and_their_picture_hold_every_value(runs):
    results = collect_results(runs, sources=SOURCES, target=TARGET, seconds=1.5)
    assert set(results) == {"target", "sources", "methods", "seconds"}
    axes = comparison_figure(results).axes[0]
    drawn = {float(x) for line in axes.lines for x in np.atleast_1d(line.get_xdata())}
    for method, folder in runs.items():
        measured = json.loads((folder / "metrics.json").read_text())["domains"]
        for at in ("frame", "video"):
            values = {name: cell["value"] for name, cell in measured[TARGET][at].items()}
            assert results["methods"][method][at] == values
        for domain in (TARGET, *SOURCES):
            assert set(measured[domain]["frame"]["auc"].values()) <= drawn
