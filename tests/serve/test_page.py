"""The page in a real browser: the system's Chromium, or the one that CHROMIUM names.

Screenshots go to the folder that LTW_SCREENSHOTS names, else to pytest's temporary folder.
"""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from services import command, until

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
QUIET = [
    "--no-sandbox",  # containers and CI run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it by CHROMIUM"),
]


@pytest.fixture(scope="module")
def url(model):
    limits = {"frames": 4, "megabytes": 0.5, "video_seconds": 2}
    with command(model, "--workers", "1", config={"limits": limits}) as service:
        yield service.url


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(params=[("light", DESKTOP), ("dark", PHONE)], ids=["light-desktop", "dark-phone"])
def page(request, browser, url):
    """The page, ready; whatever it complains of, or asks of elsewhere, fails the test."""
    scheme, size = request.param
    context = browser.new_context(color_scheme=scheme, viewport=size, accept_downloads=True)
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    own = (url, "blob:", "data:")
    page.on("request", lambda r: r.url.startswith(own) or complaints.append(r.url))
    page.goto(url)
    playwright.expect(page.locator("#model")).to_have_text("tiny")
    page.look = f"{scheme}-{size['width']}"
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def keep(page, tmp_path_factory):
    """Keep a screenshot, and see that nothing is wider than the window."""
    named = os.environ.get("LTW_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)

    def shoot(name):
        page.screenshot(path=folder / f"{name}-{page.look}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    return shoot


def expect(page, selector):
    return playwright.expect(page.locator(selector))


def give(page, path):
    page.set_input_files("#file", path)
    expect(page, "#work, #result, #problem").not_to_have_count(0)
    page.wait_for_selector("#result:visible, #problem:visible", timeout=60_000)


def test_a_photograph(page, files, keep):
    keep("start")
    give(page, files / "photo.png")
    expect(page, "#verdict").to_have_text(("Looks forged", "No sign of forgery")[score(page) < 50])
    expect(page, "#verdict").to_be_focused()
    expect(page, "#status").to_contain_text("The detector gives")  # read aloud
    expect(page, "#stage-view .box").to_have_count(2)
    expect(page, "#people tr").to_have_count(2)
    expect(page, "#faces img").to_have_count(4)
    expect(page, "#timeline").to_be_hidden()
    image = page.locator("#stage-view img")
    assert image.get_attribute("src").startswith("blob:")  # the user's own file
    assert image.evaluate("image => image.naturalWidth") == 512
    keep("photograph")


def score(page):
    return float(page.inner_text("#score").strip("<>% "))


def test_boxes_lie_on_the_faces(page, files):
    give(page, files / "photo.png")
    picture = page.locator("#stage-view img").bounding_box()
    with page.expect_download() as download:
        page.click("#json")
    prediction = json.loads(Path(download.value.path()).read_text())
    assert download.value.suggested_filename == "photo.png.json"
    scale = picture["width"] / 512
    boxes = page.locator("#stage-view .box").all()
    for drawn, face in zip(boxes, prediction["faces"], strict=True):
        box = drawn.bounding_box()
        assert box["x"] - picture["x"] == pytest.approx(face["box"][0] * scale, abs=2)
        assert box["y"] - picture["y"] == pytest.approx(face["box"][1] * scale, abs=2)
        assert box["width"] == pytest.approx((face["box"][2] - face["box"][0]) * scale, abs=2)


def test_a_video_by_keyboard(page, files, keep):
    choosers = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))  # early, or one is missed
    page.keyboard.press("Tab")
    expect(page, "#file").to_be_focused()
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    until(lambda: page.wait_for_timeout(50) or choosers, seconds=10)
    choosers[0].set_files(files / "clip.mp4")
    page.wait_for_selector("#result:visible", timeout=60_000)
    expect(page, "#verdict").to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "moment":
            break
    expect(page, "#moment").to_be_focused()
    page.keyboard.press("Home")
    expect(page, "#shown").to_contain_text(re.compile(r"Frame at 0:00\.0: person \d"))
    first = page.get_attribute("#moment", "aria-valuetext")
    page.keyboard.press("ArrowRight")
    expect(page, "#shown").not_to_contain_text(first)
    now = page.locator("#stage-view video").evaluate("video => video.currentTime")
    assert now == pytest.approx(3 / 25, abs=0.02)  # the second of four frames of ten
    expect(page, "#stage-view .box").to_have_count(2)
    page.keyboard.press("End")
    expect(page, "#moment").to_have_js_property("value", "1")
    expect(page, "#frames li").not_to_have_count(0)
    keep("video")


def test_the_timeline_is_clicked(page, files):
    give(page, files / "clip.mp4")
    page.locator("#plot").click(position={"x": 2, "y": 70})
    expect(page, "#shown").to_contain_text("Frame at 0:00.0")
    page.locator("#frames button").last.click()
    wanted = page.locator("#frames button").last.inner_text().removeprefix("Show ")
    expect(page, "#shown").to_contain_text(f"Frame at {wanted}")


def test_what_is_refused_is_told_and_the_next_file_can_follow(page, files, keep, tmp_path):
    give(page, files / "long.mp4")
    expect(page, "#reason").to_contain_text("longer than 2 s")
    expect(page, "#problem").to_be_focused()
    keep("refused")
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 600_000)
    give(page, tmp_path / "huge.png")
    expect(page, "#reason").to_contain_text("larger than 0.5 MB")
    give(page, files / "nobody.png")
    expect(page, "#verdict").to_have_text("No face found")
    expect(page, "#problem").to_be_hidden()
    page.click("#again")
    expect(page, "#file").to_be_focused()
    expect(page, "#result").to_be_hidden()


def test_several_files_are_listed_by_suspicion_and_reported_together(page, files, keep, tmp_path):
    (tmp_path / "torn.png").write_bytes((files / "photo.png").read_bytes()[:5000])
    several = [files / "nobody.png", files / "photo.png", tmp_path / "torn.png", files / "clip.mp4"]
    page.set_input_files("#file", several)
    page.wait_for_selector("#files-card:visible", timeout=120_000)
    expect(page, "#files tr").to_have_count(4)
    scores = [text.strip("<>% ") for text in page.locator("#files td:last-child").all_inner_texts()]
    assert scores[2:] == ["–", "–"]
    assert float(scores[0]) >= float(scores[1])
    expect(page, "#files").to_contain_text("Error The picture is damaged")
    expect(page, "#verdict").to_be_visible()  # of the most suspect
    page.locator("#files button", has_text="clip.mp4").click()
    expect(page, "#name").to_have_text("clip.mp4")
    keep("several")
    with page.expect_download() as download:
        page.click("#report")
    report = Path(download.value.path()).read_text()
    for name in ("nobody.png", "photo.png", "clip.mp4"):
        assert f">{name}</h2>" in report
    assert "torn.png" not in report
    page.click("#again")
    expect(page, "#files-card").to_be_hidden()


def test_hints_for_keys_are_where_there_are_keys(browser, url, files):
    for touch in (False, True):
        context = browser.new_context(viewport=PHONE, has_touch=touch, is_mobile=touch)
        page = context.new_page()
        page.goto(url)
        give(page, files / "clip.mp4")
        assert page.is_visible("#timeline .keys") != touch
        context.close()


def test_a_file_is_dropped(page, files):
    content = list((files / "photo.png").read_bytes())
    page.evaluate(
        """content => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(content)], "dropped.png"));
            const drop = document.getElementById("drop");
            for (const type of ["dragenter", "dragover", "drop"])
                drop.dispatchEvent(
                    new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        content,
    )
    page.wait_for_selector("#result:visible", timeout=60_000)
    expect(page, "#name").to_have_text("dropped.png")


def test_colours_have_contrast(page, files):
    """WCAG 2.2 AA: 4.5 to 1, or 3 to 1 for large text."""
    give(page, files / "photo.png")
    for selector, least in {
        "#sentence": 4.5,
        "#name": 4.5,
        "#verdict": 3.0,
        "#again": 4.5,
        "#json": 4.5,
        "footer": 4.5,
        "dd": 4.5,
    }.items():
        assert contrast(*page.locator(selector).first.evaluate(COLOURS)) >= least, selector


COLOURS = """element => {
    const text = getComputedStyle(element).color;
    let ground = "rgba(0, 0, 0, 0)";
    for (let at = element; at && ground === "rgba(0, 0, 0, 0)"; at = at.parentElement)
        ground = getComputedStyle(at).backgroundColor;
    return [text, ground].map(colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number));
}"""


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = np.array(colour) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def test_the_docs_list_the_interface(page, url, keep):
    page.goto(f"{url}/docs")
    expect(page, "#operations").to_contain_text("/api/predict")
    expect(page, "#models").to_contain_text("p_fake")
    keep("docs")
