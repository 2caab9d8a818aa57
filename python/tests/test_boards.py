"""The programs of docs/boards.md, on the real W&B (offline) and the real MLflow (with files)."""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from matsense._command import executable

PAGE = (Path(__file__).parents[2] / "docs" / "boards.md").read_text(encoding="utf-8")


def program(section):
    """The Python program of a section."""
    (code,) = re.findall(
        r"```python\n(.*?)```", PAGE.split(f"## {section}\n")[1].split("\n## ")[0], re.DOTALL
    )
    return code


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """Let everything be written into a folder of the test, and nothing be sent."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path}/mlruns")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def wandb_records(path):
    """The records of a log of W&B, which is a log of LevelDB behind a header of 7 bytes.

    https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    from wandb.proto.wandb_internal_pb2 import Record

    log, at, parts = path.read_bytes(), 7, b""
    while at + 7 <= len(log):
        left = 32768 - at % 32768
        if left < 7:  # the rest of a block is empty
            at += left
            continue
        length, kind = struct.unpack("<HB", log[at + 4 : at + 7])  # 1: whole, 2: first, 3: middle, 4: last
        parts += log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield Record.FromString(parts)
            parts = b""


def test_wandb(tmp_path):
    wandb = pytest.importorskip("wandb")
    names = {}
    exec(program("Weights & Biases"), names)
    wandb.teardown()  # the file is whole when its process has ended
    samples = names["run"].samples
    (log,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    rows, summary = [], {}
    for record in wandb_records(log):
        values = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
        if values:
            rows.append(values)
        summary.update({u.key or u.nested_key[0]: json.loads(u.value_json) for u in record.summary.update})
    assert [row["_step"] for row in rows] == list(samples["iteration"])
    for metric in ("train_loss", "test_error", "signal", "noise", "angle", "spectral_angle"):
        assert [row[metric] for row in rows] == list(samples[metric])
    assert summary["status"] == "budget-spent"


def same_curves(client, run, samples):
    """Fail unless MLflow has the metrics of every sample."""
    for metric in ("train_loss", "test_error", "signal", "noise", "angle", "spectral_angle"):
        history = client.get_metric_history(run.info.run_id, metric)
        assert [m.step for m in history] == list(samples["iteration"])
        assert [m.value for m in history] == list(samples[metric])


def test_mlflow():
    mlflow = pytest.importorskip("mlflow")
    names = {}
    exec(program("MLflow"), names)
    client = mlflow.MlflowClient()
    (run,) = client.search_runs(["0"])
    assert run.data.params == {"n": "20", "rank": "2", "alpha": "0.0001", "iterations": "200"}
    same_curves(client, run, names["run"].samples)
    artifacts = {a.path for a in client.list_artifacts(run.info.run_id)}
    assert {"trajectory.csv", "factor.npy", "report.html"} <= artifacts


def test_from_the_shell(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    import matsense as ms

    (tmp_path / "board.py").write_text(program("From the shell"), encoding="utf-8")
    command, *flags = re.search(r"^matsense (.*) \| python board.py$", PAGE, re.MULTILINE)[1].split()
    arguments = [executable(), command, "--out=a", *flags]
    lines = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    subprocess.run([sys.executable, "board.py"], input=lines.stdout, check=True)
    client = mlflow.MlflowClient()
    (run,) = client.search_runs(["0"])
    assert run.data.params["method"] == "gd"
    same_curves(client, run, ms.load("a").samples)
