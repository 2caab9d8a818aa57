"""Experiments of papers, and verdicts on their claims."""

import json
import pathlib

import numpy as np
import pytest

import matsense as ms


def phases(**more):
    return ms.reproduce("phases", **{"progress": False} | more)


def test_a_verdict_and_its_sweep():
    told = []
    done = phases(callback=told.append)
    assert (done.name, done.verdict) == ("phases", "agrees")
    assert done.path == pathlib.Path.cwd() / "reproduce" / "phases-quick"
    written = json.loads((done.path / "verdict.json").read_text(encoding="utf-8"))
    assert done.findings == written["findings"]
    assert len(done.findings) == 4
    assert done.claim.startswith("Three phases follow one another")
    assert done.rule["agrees_if"].startswith("they end in order")
    assert list(done.rule) == ["compared", "agrees_if", "disagrees_if", "untested"]
    assert len(told) == len(done.results["run"]) == 1
    assert repr(done).startswith("phases: agrees\n  I alignment ends")
    assert "1 runs have ended" in repr(done).splitlines()[-2]
    assert done._repr_html_().startswith("<iframe sandbox=")
    # Again: nothing is left to run.
    told.clear()
    assert phases(callback=told.append).verdict == "agrees"
    assert told == []
    same = ms.load(done.path)
    assert isinstance(same, ms.Reproduction)
    assert same.verdict == "agrees"
    with pytest.raises(ms.Error, match=r"call ms\.reproduce again"):
        same.resume()
    for damaged in "{", "[]", '{"name": "phases"}':
        (done.path / "verdict.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(ms.Error, match="is damaged"):
            _ = ms.load(done.path).verdict
        assert "1 runs have ended" in repr(ms.load(done.path))
    assert phases().verdict == "agrees"


def test_a_claim_is_tried_where_it_was_not_tried(tmp_path):
    done = phases(set={"n": np.array(20), "iterations": 20.0}, out=tmp_path / "tried")
    assert done.verdict == "cannot be told"
    assert done.findings[0] == "changed: n=20, iterations=20"
    (tmp_path / "mine.yaml").write_text("base: {n: 20, rank: 1, iterations: 20}\n", encoding="utf-8")
    done = phases(sweep=tmp_path / "mine.yaml")
    assert done.findings[0].startswith("the sweep is ")


def test_experiments_are_listed():
    all = ms.experiments()
    assert all["phases"] == "one run: alignment, saddle avoidance, refinement"
    assert len(all) > 40


def test_axes_take_lists(tmp_path):
    alphas = np.logspace(-6, -4, 3)
    changes = {"n": 10, "rank": 1, "measurements": [80], "iterations": 30, "alpha": alphas, "seeds": 2}
    done = ms.reproduce("alpha", set=changes, out=tmp_path / "alpha", progress=False)
    assert done.verdict == "cannot be told"
    assert sorted(set(done.results["alpha"])) == alphas.tolist()
    assert sorted(set(done.results["seed"])) == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "aplha"}, 'did you mean "alpha"?'),
        ({"name": "--file"}, "name: takes the name of an experiment, got '--file'"),
        ({"name": 3}, "name: takes the name of an experiment, got 3"),
        ({"name": "phases", "set": {"kapa": 3}}, "did you mean kappa?"),
        ({"name": "phases", "set": {"kappa": [1, 2]}}, "kappa is no axis of this experiment"),
        ({"name": "phases", "set": {"kappa": object()}}, "kappa: takes one number or word"),
        ({"name": "phases", "set": {"n": 0}}, "n goes from 1"),
        ({"name": "phases", "set": [("n", 3)]}, "set: takes a dict of settings"),
        ({"name": "phases", "set": "kappa=3"}, "set: takes a dict of settings"),
        ({"name": "phases", "set": {1: 3}}, "set: takes a dict of settings"),
        ({"name": "phases", "sweep": "missing.yaml"}, "the sweep cannot be read"),
        ({"name": "phases", "sweep": "mine.yaml", "full": True}, "takes the place of"),
        ({"name": "phases", "callback": 3}, "callback"),
    ],
)
def test_mistakes_are_told_before_any_work(arguments, sentence):
    with pytest.raises(ms.ConfigError, match="(?s)" + sentence.replace("?", r"\?")) as failed:
        ms.reproduce(**arguments, progress=False)
    assert "--" not in str(failed.value).replace("'--file'", "")
    assert not pathlib.Path("reproduce").exists()
