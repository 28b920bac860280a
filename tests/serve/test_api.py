"""The API: what `ltw predict` says, limits told in a sentence, and strangers kept out."""

import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from services import ended, send

from ltw import Detector
from ltw.serve.formats import kind_of
from ltw.serve.limits import Refusal

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("name", ["photo.png", "clip.mp4", "nobody.png"])
def test_predict_says_what_the_python_api_says(service, model, files, name):
    answer = send(service, files / name)
    assert answer.status_code == 200
    expected = Detector.load(model)(files / name, frames=4).to_dict() | {"path": name}
    assert answer.json() == json.loads(json.dumps(expected, default=list))
    assert len(answer.json()["faces"]) == {"photo.png": 2, "clip.mp4": 8, "nobody.png": 0}[name]


def test_a_job_ends_with_the_same_prediction_and_pictures(service, files):
    answer = send(service, files / "clip.mp4", "/api/jobs")
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    assert job["state"] in ("waiting", "working")
    view = ended(service, job["id"])
    assert (view["state"], view["done"], view["total"], view["error"]) == ("done", 4, 4, None)
    result = view["result"]
    assert result["prediction"] == send(service, files / "clip.mp4").json()
    assert result["size"] == [512, 256]
    assert result["pictures"]
    assert result["faces"]
    assert all(p["uri"].startswith("data:image/jpeg;base64,") for p in result["pictures"])
    assert service.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert service.get(f"/api/jobs/{job['id']}").status_code == 404


def test_jobs_that_are_done_make_a_report(service, files):
    jobs = [send(service, files / name, "/api/jobs").json()["id"] for name in ("photo.png",)]
    ended(service, jobs[0])
    jobs.append(send(service, files / "nobody.png", "/api/jobs").json()["id"])
    ended(service, jobs[1])
    answer = service.get("/api/report", params={"job": jobs[::-1]})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="ltw-report-')
    text = answer.text
    assert 0 < text.index(">photo.png</h2>") < text.index(">nobody.png</h2>")
    assert hashlib.sha256((files / "photo.png").read_bytes()).hexdigest() in text
    assert service.get("/api/report", params={"job": [jobs[0], "absent"]}).status_code == 404
    assert service.get("/api/report").status_code == 422


def test_about_says_what_the_detector_is(service, model):
    told, settings = service.get("/api/about").json(), Detector.load(model).settings
    assert (told["threshold"], told["real_below"]) == tuple(settings.band)[::-1]
    assert (told["video_threshold"], told["video_real_below"]) == tuple(settings.video_band)[::-1]
    assert told["detector"]["trained"] == settings.info.trained
    assert told["detector"]["warnings"] == list(settings.info.warnings)


def test_a_file_is_judged_by_its_bytes_not_by_its_name(service, files):
    assert send(service, files / "photo.png", name="evil.mp4").json()["kind"] == "image"
    assert send(service, files / "clip.mp4", name="../../x.jpg").json()["path"] == "../../x.jpg"


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("large.png", 422, "1000 x 400 pixels, above the limit of 0.3 megapixels"),
        ("large.mp4", 422, "640 x 480 pixels, above the limit of 0.2 megapixels"),
        ("long.mp4", 422, "longer than 2 s"),
    ],
)
def test_limits(service, files, name, status, words):
    answer = send(service, files / name)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_the_same_refusal_ends_a_job(service, files):
    job = send(service, files / "long.mp4", "/api/jobs").json()
    view = ended(service, job["id"])
    assert view["state"] == "failed"
    assert "longer than 2 s" in view["error"]


@pytest.mark.parametrize("declared", [True, False])
def test_a_file_that_is_too_large_is_refused_whether_it_says_so_or_not(service, declared):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG
    chunks = [head, *[b"0" * 100_000] * 8, b"\r\n--x--\r\n"]
    body = b"".join(chunks) if declared else iter(chunks)
    answer = service.post(
        "/api/predict", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 413
    assert answer.json() == {"error": "The file is larger than 0.5 MB, the limit."}


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "empty"),
        (b"hello", 415, "neither a picture"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415, "neither"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", 415, "neither"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "neither"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", 415, "HEIC"),
        (PNG + b"rubbish", 422, "damaged"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, 422, "damaged"),
        (b"\0\0\0\x18ftypisom" + b"\0" * 100, 422, "damaged"),
        (b"\x1a\x45\xdf\xa3" + b"\xff" * 100, 422, "damaged"),
    ],
)
def test_what_is_not_a_picture_or_video(service, tmp_path, content, status, words):
    path = tmp_path / "odd"
    path.write_bytes(content)
    answer = send(service, path)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert "/proc" not in answer.json()["error"]


@pytest.mark.parametrize("name", ["photo.png", "clip.mp4"])
def test_a_truncated_file_is_refused(service, files, tmp_path, name):
    content = (files / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    answer = send(service, tmp_path / name)
    assert answer.status_code == 422
    assert "damaged" in answer.json()["error"]


def _part(headers, content=b"x"):
    return b"--x\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


FILE = b'Content-Disposition: form-data; name="file"; filename="a.png"'


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b"", "multipart/form-data", 400),
        (b"", "multipart/form-data; boundary=x", 400),
        (b"rubbish", "multipart/form-data; boundary=x", 400),
        (_part(FILE), "multipart/form-data; boundary=x", 400),  # breaks off
        (_part(b"X-Y: z"), "multipart/form-data; boundary=x", 400),
        (_part(FILE) * 2 + b"--x--\r\n", "multipart/form-data; boundary=x", 400),
        (
            _part(b'Content-Disposition: form-data; name="file"') + b"--x--\r\n",
            "multipart/form-data; boundary=x",
            400,
        ),
        (
            _part(FILE.replace(b'"file"', b'"other"')) + b"--x--\r\n",
            "multipart/form-data; boundary=x",
            400,
        ),
        (
            _part(FILE.replace(b"a.png", b"\xff\xfe.png")) + b"--x--\r\n",
            "multipart/form-data; boundary=x; charset=undefined",
            400,
        ),
    ],
)
def test_malformed_forms(service, body, kind, status):
    answer = service.post("/api/predict", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert service.pool.idle  # the place was given back


def test_names_that_no_text_can_hold_survive(service, files):
    name = FILE.replace(b"a.png", b"\\ud800.png")
    body = _part(name, (files / "nobody.png").read_bytes()) + b"--x--\r\n"
    kind = "multipart/form-data; boundary=x; charset=unicode_escape"
    answer = service.post("/api/predict", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["path"]) == (200, "?.png")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:8000"},
        {"Host": "192.0.2.7:8000"},
        {"Host": "[bad"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_are_kept_out(service, files, headers):
    answer = send(service, files / "photo.png", headers=headers)
    assert answer.status_code == 403
    assert "error" in answer.json()
    if "Sec-Fetch-Site" not in headers:  # links to the page are harmless
        assert service.get("/", headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_the_service_itself_is_let_in(service, host):
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert service.get("/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/static/page.js", "/palette.css", "/api/about", "/nothing", "/metrics"]
)
def test_security_headers(service, path):
    answer = service.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("PUT", "/api/predict", 405),
        ("GET", "/api/jobs/none", 404),
        ("DELETE", "/api/jobs/none", 404),
    ],
)
def test_errors_are_a_sentence_of_json(service, method, path, status):
    answer = service.request(method, path)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


def test_health_and_metrics(service, files):
    send(service, files / "photo.png")
    send(service, files / "long.mp4")
    assert service.get("/health").json() == {"ready": True, "workers": 1}
    assert service.get("/health/ready").status_code == 200
    text = service.get("/metrics").text
    assert 'ltw_files_total{kind="video",outcome="422"}' in text
    assert 'ltw_requests_total{method="POST",path="/api/predict",status="200"}' in text
    assert "ltw_workers_up 1.0" in text
    assert "photo" not in text


def test_the_page_and_the_docs_ask_for_nothing_from_elsewhere(service):
    for path in ("/", "/docs"):
        page = service.get(path).text
        assert "http://" not in page
        assert "https://" not in page
        assert "style=" not in page
        assert "<style" not in page


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc")
def test_no_file_stays_open(service, files):
    def unnamed():
        links = []
        for place in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(str(place.readlink()))
        return sum("(deleted)" in link for link in links)

    before = unnamed()
    for name in ("photo.png", "long.mp4"):
        send(service, files / name)
    ended(service, send(service, files / "photo.png", "/api/jobs").json()["id"])
    assert unnamed() == before


def test_kinds():
    assert kind_of(b"RIFF\0\0\0\0WEBPVP8 ") == "image"
    assert kind_of(b"RIFF\0\0\0\0AVI LIST") == "video"
    assert kind_of(b"\0\0\0\x14ftypqt  ") == "video"
    with pytest.raises(Refusal, match="neither"):
        kind_of(b"RIFF\0\0\0\0WAVEfmt ")
