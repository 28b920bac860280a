"""Follow the tutorial and take its pictures: python docs/tutorial/make_pictures.py FOLDER

Runs every ``sh`` block of docs/tutorial.md in FOLDER (new, or one where this was cut off), prints
how long each command took, and writes the PNG files beside this script. Needs the package's extra
``dev`` and a Chromium or Chrome in PATH.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from ltw.data.contact_sheet import contact_sheet
from ltw.data.store import Store

HERE = Path(__file__).resolve().parent
TUTORIAL = HERE.parent / "tutorial.md"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LARGEST = 200_000


def main() -> None:
    """Follow the tutorial in the folder that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    follow(folder)
    photograph(folder)


def photograph(folder: Path) -> None:
    """Take the pictures in a folder where the tutorial was followed."""
    sheet = contact_sheet(Store(folder / "demo/store"), columns=8, per_domain=8)
    save(Image.fromarray(sheet), "sheet.png", 700)
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is in PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        photograph_report(browser, folder)
        photograph_service(browser, folder)


def follow(folder: Path) -> None:
    """Run the tutorial's commands, with this interpreter's ltw."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    text = TUTORIAL.read_text(encoding="utf-8")
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        for command in block.replace("\\\n", " ").splitlines():
            print(f"$ {command}", flush=True)
            started = time.monotonic()
            environment = os.environ | {"PATH": path}
            subprocess.run(command, shell=True, check=True, cwd=folder, env=environment)
            print(f"  {time.monotonic() - started:.1f} s", flush=True)


def photograph_report(browser: Browser, folder: Path) -> None:
    """The forged video's card, on a desktop and on a phone."""
    for name, width, ratio in (("report.png", 1120, 0.8), ("report-phone.png", 390, 1.4)):
        page = browser.new_page(viewport={"width": width, "height": 800}, device_scale_factor=ratio)
        page.goto((folder / "report.html").as_uri())
        card = page.locator("section.card", has=page.locator("h2", has_text="swapped.mp4")).last
        shot(card.screenshot(), name, 1200)
        page.close()


def photograph_service(browser: Browser, folder: Path) -> None:
    """The page of ltw serve with the forged video's result."""
    with service(folder) as url:
        page = browser.new_page(viewport={"width": 900, "height": 1500}, device_scale_factor=0.8)
        score(page, url, folder / "clips/swapped.mp4")
        shot(page.screenshot(), "serve.png", 1200)


def score(page: Page, url: str, file: Path) -> None:
    """Give a file to the page and wait for its verdict."""
    page.goto(url)
    page.set_input_files("#file", file)
    page.locator("#result").wait_for(state="visible", timeout=120_000)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)  # its pictures


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """Run ltw serve on a free port; yields its address."""
    command = [sys.executable, "-m", "ltw", "serve", "--model", "demo/runs/ltw", "--port", "0"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        said = iter(process.stderr or ())
        yield next(m[0] for line in said if (m := re.search(r"http://\S+", line)))
    finally:
        process.terminate()
        process.wait()


def shot(png: bytes, name: str, height: int) -> None:
    """Save the upper ``height`` pixels of a screenshot."""
    with Image.open(io.BytesIO(png)) as picture:
        upper = picture.crop((0, 0, picture.width, min(picture.height, height)))
        save(upper, name, picture.width)


def save(picture: Image.Image, name: str, width: int) -> None:
    """Write a PNG of 256 colours, ``width`` pixels wide."""
    height = round(picture.height * width / picture.width)
    small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    small.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(HERE / name, optimize=True)
    size = (HERE / name).stat().st_size
    print(f"{name}: {width} x {height}, {size / 1000:.0f} kB")
    if size > LARGEST:
        sys.exit(f"{name} is larger than {LARGEST / 1000:.0f} kB")


if __name__ == "__main__":
    main()
