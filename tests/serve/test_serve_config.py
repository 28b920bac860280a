"""The service's configuration: a TOML file, options before it, an error a wrong key."""

import re
import tomllib
from pathlib import Path

import pytest

from ltw.errors import ConfigError
from ltw.serve import Limits, ServeConfig, load_serve_config

DOCS = Path(__file__).parents[2] / "docs" / "serve.md"


def written(folder, text):
    path = folder / "serve.toml"
    path.write_text(text)
    return path


def test_what_the_file_leaves_out_has_its_default_and_options_come_first(tmp_path):
    path = written(
        tmp_path, 'model = "runs/a"\nport = 9000\nworkers = 3\n[limits]\nqueue = 2\nframes = 16\n'
    )
    config = load_serve_config(path, {"port": 1234, "limits.queue": 5, "host": None})
    assert (config.port, config.workers, config.host) == (1234, 3, "127.0.0.1")
    assert config.limits == Limits(queue=5, frames=16)


@pytest.mark.parametrize(
    ("given", "model"), [("a", "{}/a"), ("/runs/a", "/runs/a"), ("hf://o/n", "hf://o/n")]
)
def test_a_model_counts_from_the_file(tmp_path, given, model):
    path = written(tmp_path, f'model = "{given}"\n')
    assert load_serve_config(path, {}).model == model.format(tmp_path)
    assert load_serve_config(path, {"model": "b"}).model == "b"


def test_every_wrong_key_has_a_line(tmp_path):
    path = written(
        tmp_path,
        'model = "m"\nworker = 2\nport = 70000\n'
        '[limits]\nmega_bytes = 5\nframes = 0\nkeep = "long"\nseconds = nan\n',
    )
    with pytest.raises(ConfigError) as error:
        load_serve_config(path, {})
    lines = str(error.value).splitlines()
    assert len(lines) == 6
    assert all(line.startswith(f"{path}: ") for line in lines)
    assert f"{path}: unknown key 'worker'; did you mean 'workers'?" in lines
    assert f"{path}: unknown key 'limits.mega_bytes'; did you mean 'megabytes'?" in lines
    assert any("port = 70000: " in line and "65535" in line for line in lines)
    assert any("limits.frames = 0: " in line for line in lines)
    assert any("limits.keep = 'long': " in line for line in lines)
    assert any("limits.seconds = nan: " in line for line in lines)


@pytest.mark.parametrize("text", ["port = = 3\n", "limits = 5\n"])
def test_a_file_that_is_none_is_told_by_name(tmp_path, text):
    with pytest.raises(ConfigError, match=r"serve\.toml: "):
        load_serve_config(written(tmp_path, text), {"model": "m", "limits.queue": 3})


def test_without_a_model_it_says_how_to_give_one():
    with pytest.raises(ConfigError, match="--model"):
        load_serve_config(None, {})


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_serve_config(tmp_path / "none.toml", {})


def test_the_docs_show_every_key_with_its_default(tmp_path):
    (block,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    shown = tomllib.loads(block)
    assert set(shown) == set(ServeConfig.model_fields)
    assert set(shown["limits"]) == set(Limits.model_fields)
    config = load_serve_config(written(tmp_path, block), {})
    assert config.limits == Limits()
    shown_as_default = {"host", "port", "workers", "grace"}
    default = ServeConfig(model="m")
    assert default.workers in (1, 2)
    for key in shown_as_default - {"workers"}:
        assert getattr(config, key) == getattr(default, key), key
