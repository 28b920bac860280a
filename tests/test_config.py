from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from ltw.config import Config, load_config, parse_config
from ltw.errors import ConfigError

MINIMAL = 'store = "faces"\nsources = ["swap", "mouth"]\n'
EVERYTHING = """
store = "faces"
sources = ["swap", "mouth"]
target = "größer"
compression = "c23"
method = "alltrain"
seed = 7

[detector]
backbone = "resnet18"
pretrained = false
image_size = 112

[alltrain_paired]
counterparts = "other person"

[ltw]
alpha = 0.01
beta = 0.5
counterparts = "other person"
warm_up = 3
preconditioned = true
weight_form = "one-plus-sigmoid"
train_weights = false
weight_decay = 0.1
weight_counterparts = "same video"
slope_memory = 0.5
icc_weight = 0.0
icc_on = "logit"
weight_normalization = "class"
second_order = "exact"

[ltw.weight_network]
input = "features+loss"
norm = "group"
zero_head = true

[focal]
gamma = 1.0

[mldg]
alpha = 0.01
beta = 0.5
counterparts = "other person"
warm_up = 3
preconditioned = true
second_order = "exact"

[group_dro]
step_size = 0.1

[sam]
rho = 0.1

[training]
epochs = 3
steps_per_epoch = 4
batch_size = 8
learning_rate = 0.01
weight_learning_rate = 0.02
lr_step_epochs = 2
lr_gamma = 0.5
selection = "last"
recompute_batch_norm = true
checkpoint_minutes = 0.5
workers = 0
threads = 2
device = "cpu"

[release]
false_positive_rate = 0.01
miss_rate = 0.1
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "experiment.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value)


def test_defaults_are_the_papers(write):
    config = load_config(write(MINIMAL))
    assert (config.method, config.target, config.compression) == ("ltw", None, None)
    assert config.detector.backbone == "efficientnet_b0"
    assert config.detector.image_size == 224
    assert (config.ltw.alpha, config.ltw.beta, config.ltw.icc_weight) == (1e-3, 1.0, 0.01)
    training = config.training
    assert (training.batch_size, training.learning_rate) == (25, 1e-3)
    assert training.weight_learning_rate == 1e-3
    assert (training.lr_step_epochs, training.lr_gamma) == (5, 0.1)


def test_every_key_is_read(write):
    config = load_config(write(EVERYTHING))
    given = tomllib.loads(EVERYTHING)
    assert config.model_dump(mode="json") == given | {"store": str(config.store)}
    defaults = load_config(write(MINIMAL)).model_dump()
    for key in given.keys() - {"store", "sources"}:
        assert config.model_dump()[key] != defaults[key]


@pytest.mark.parametrize("text", [MINIMAL, EVERYTHING])
def test_a_saved_config_reads_back_the_same(write, text):
    config = load_config(write(text))
    assert load_config(write(config.to_toml())) == config
    assert parse_config(tomllib.loads(config.to_toml()), "again") == config


def test_a_relative_store_counts_from_where_it_was_written(write, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    assert load_config(write(MINIMAL)).store == tmp_path / "faces"
    assert load_config(write(MINIMAL), ['store="x"']).store == Path("/x")
    absolute = tmp_path.parent / "elsewhere"
    assert load_config(write(MINIMAL), [f"store={absolute}"]).store == absolute


def test_values_cannot_change(write):
    config = load_config(write(MINIMAL))
    with pytest.raises(ValidationError):
        config.seed = 3
    with pytest.raises(ValidationError):
        config.training.epochs = 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sorces = 1", "unknown key 'sorces'; did you mean 'sources'?"),
        ("[trainig]\nepochs = 1", "unknown key 'trainig'; did you mean 'training'?"),
        ("[training]\nepoch = 1", "unknown key 'training.epoch'; did you mean 'epochs'?"),
        ("[ltw]\nalfa = 1", "unknown key 'ltw.alfa'; did you mean 'alpha'?"),
        ("[detector]\nbakcbone = 'x'", "unknown key 'detector.bakcbone'; did you mean 'backbone'?"),
        (
            "[ltw.weight_network]\nnrom = 1",
            "unknown key 'ltw.weight_network.nrom'; did you mean 'norm'?",
        ),
        ("[ltw]\nlearning_rate = 1", "unknown key 'ltw.learning_rate'; allowed: alpha, beta, co"),
    ],
)
def test_an_unknown_key_names_the_nearest_valid_one(write, text, message):
    path = write(MINIMAL + text)
    assert f"{path}: {message}" in refusal(path)


def test_every_section_knows_its_keys():
    """`did you mean` walks the sections: none may hide its keys behind another type."""
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            with pytest.raises(ConfigError, match=rf"unknown key '{name}\.zzz'; allowed: "):
                parse_config({"store": "x", "sources": ["a"], name: {"zzz": 1}}, "test")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("training.epochs", "0", "greater than or equal to 1"),
        ("training.batch_size", "1", "greater than or equal to 2"),
        ("training.steps_per_epoch", "0", "greater than or equal to 1"),
        ("training.learning_rate", "0.0", "greater than 0"),
        ("training.learning_rate", "inf", "finite"),
        ("training.lr_gamma", "1.5", "less than or equal to 1"),
        ("training.workers", "-1", "greater than or equal to 0"),
        ("training.threads", "0", "greater than or equal to 1"),
        ("training.epochs", "2.5", "integer"),
        ("detector.image_size", "16", "greater than or equal to 32"),
        ("detector.image_size", "4096", "less than or equal to 1024"),
        ("ltw.alpha", "-0.1", "greater than or equal to 0"),
        ("ltw.beta", "nan", "finite"),
        ("ltw.weight_network.input", "'losses'", "'features', 'loss' or 'features+loss'"),
        ("ltw.slope_memory", "1", "less than 1"),
        ("mldg.warm_up", "-1", "greater than or equal to 0"),
        ("training.selection", "'first'", "'last' or 'best'"),
        ("ltw.icc_on", "'logits'", "'probability' or 'logit'"),
        ("ltw.weight_normalization", "'batches'", "'none', 'batch' or 'class'"),
        ("ltw.second_order", "'first'", "'exact' or 'finite_difference'"),
        ("sources", "[]", "at least 1"),
        ("sources", "'swap'", "tuple"),
        ("seed", "-1", "greater than or equal to 0"),
        ("seed", "9223372036854775808", "less than"),
        ("training.threads", "1000000", "less than or equal to 1024"),
        ("training.batch_size", "1000000000000", "less than or equal to 65536"),
        ("training.workers", "1000000", "less than or equal to 1024"),
        ("training.epochs", "1000000000000", "less than or equal to 1000000"),
        ("training.device", "'meta'", "pattern"),
        ("training.device", "'hpu'", "pattern"),
    ],
)
def test_a_value_out_of_range_names_key_value_and_range(write, key, value, reason):
    path = write(MINIMAL)
    message = refusal(path, f"{key}={value}")
    assert message.startswith(f"{path}: {key} = ")
    assert value.strip("'") in message
    assert reason in message
    assert "\n" not in message


def test_every_mistake_is_told_at_once(write):
    path = write('sources = ["swap"]\nsed = 1\n[training]\nepochs = 0\n')
    lines = refusal(path).splitlines()
    assert len(lines) == 3
    assert f"{path}: the key 'store' is missing" in lines


def test_the_target_cannot_be_a_source_nor_a_source_given_twice(write):
    message = refusal(write(MINIMAL), "target=swap")
    assert "target 'swap' is also a source: it would not be unseen" in message
    assert "name a domain twice" in refusal(write(MINIMAL), "sources=['swap', 'swap']")


@pytest.mark.parametrize(
    ("override", "get", "value"),
    [
        ("seed=3", lambda c: c.seed, 3),
        ("training.epochs=3", lambda c: c.training.epochs, 3),
        ("training.epochs = 3", lambda c: c.training.epochs, 3),
        ("training.learning_rate=1e-4", lambda c: c.training.learning_rate, 1e-4),
        ("detector.pretrained=false", lambda c: c.detector.pretrained, False),
        ("method=alltrain", lambda c: c.method, "alltrain"),
        ("method='alltrain'", lambda c: c.method, "alltrain"),
        ('method="alltrain"', lambda c: c.method, "alltrain"),
        ("target=a=b", lambda c: c.target, "a=b"),
        ("training.device=cuda:1", lambda c: c.training.device, "cuda:1"),
        ('sources=["x", "y"]', lambda c: c.sources, ("x", "y")),
        ("ltw={alpha=0.5}", lambda c: c.ltw.alpha, 0.5),
    ],
)
def test_overrides(write, override, get, value):
    config = load_config(write(MINIMAL), [override])
    assert get(config) == value
    assert get(load_config(write(MINIMAL))) != value


def test_overrides_win_over_the_file_leave_its_other_keys_and_the_last_one_wins(write):
    config = load_config(write(EVERYTHING), ["training.epochs=5", "training.epochs=6"])
    assert config.training.epochs == 6
    assert config.training.batch_size == 8


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "--set 'training.epochs': expected key=value"),
        ("seed.x=1", "seed.x = 1: 'seed' is a value, not a table"),
        ("trainin.epochs=1", "unknown key 'trainin'; did you mean 'training'?"),
        ("training.epoch=1", "unknown key 'training.epoch'; did you mean 'epochs'?"),
        ("training..epochs=1", "unknown key 'training.'"),
        ("=1", "unknown key ''"),
        ("training=3", "training = 3: "),
        ("training.epochs=many", "training.epochs = 'many': "),
    ],
)
def test_a_wrong_override_is_said(write, override, message):
    assert message in refusal(write(EVERYTHING), override)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = " + "9" * 5000, "not valid TOML"),
        ("seed = 0x" + "f" * 9000, "seed = a value too long to be shown"),
        ("seed = " + "9" * 4000, "9999..."),
        ("sources = " + "[" * 100_000, "nested too deeply"),
        ('store = "a\\u0000b"', "has a NUL in its name"),
        ('method = "' + "x" * 100_000 + '"\nseed = -1', "seed = -1"),
    ],
)
def test_values_without_bounds_are_one_short_message(write, text, message):
    base = "" if text.startswith(("store", "sources")) else MINIMAL
    rest = 'sources = ["a"]' if text.startswith("store") else ""
    said = refusal(write(f"{base}\n{text}\n{rest}"))
    assert message in said
    assert len(said) < 1000


def test_files_that_are_no_experiment(write, tmp_path):
    assert "no such experiment file" in refusal(tmp_path / "none.toml")
    assert "is a folder" in refusal(tmp_path)
    assert "not valid TOML" in refusal(write("store = "))
    binary = tmp_path / "video.toml"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    assert "not valid TOML" in refusal(binary)
    inside_a_file = refusal(write(MINIMAL) / "experiment.toml")
    assert f"{tmp_path}" in inside_a_file
    assert "cannot be read" in inside_a_file
