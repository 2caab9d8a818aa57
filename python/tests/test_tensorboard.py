"""Event files as TensorBoard's own readers see them, beside trajectory.csv."""

import numpy as np
import pytest

import matsense as ms

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

pytestmark = pytest.mark.filterwarnings("ignore::matsense.Notice")

SMALL = dict(n=10, rank=2, measurements=150, iterations=60, progress=False)


def curves(folder):
    """The scalars in a folder, by their tags: a dict of the values by their steps."""
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    found = {}
    for tag in read.Tags()["scalars"]:
        events = read.Scalars(tag)
        assert [e.step for e in events] == sorted({e.step for e in events}), f"{tag}: steps that are double"
        found[tag] = {e.step: e.value for e in events}
    return found


def of_csv(run):
    """What the curves must be: the columns of trajectory.csv in single precision, without unknown values."""
    samples = dict(run.samples)
    steps = samples.pop("iteration")
    return {
        name: {int(k): float(np.float32(v)) for k, v in zip(steps, values, strict=True) if not np.isnan(v)}
        for name, values in samples.items()
        if not np.isnan(values).all()
    }


def column(tag):
    """The column that a curve shows."""
    group, name = tag.split("/")
    return f"sigma_{name}" if group == "sigma" else name


def same(folder, run):
    """Fail unless the curves are the columns of trajectory.csv."""
    found = {column(tag): curve for tag, curve in curves(folder).items()}
    seconds = found.pop("seconds")  # are in times.csv
    want = of_csv(run)
    assert list(seconds) == list(want["train_loss"])
    assert found == want


def hparams(folder, tag):
    """The message of the HParams plugin with a tag."""
    read = EventAccumulator(str(folder))
    read.Reload()
    return HParamsPluginData.FromString(read.SummaryMetadata(tag).plugin_data.content)


@pytest.mark.parametrize(
    "more",
    [
        {},
        dict(ensemble="completion", parametrization="uv", n2=30, n=20, hold_out=0.1, measure_every=7),
        dict(method="momentum", momentum=0.5, noise=1e-3),
    ],
)
def test_every_number_is_that_of_the_trajectory(tmp_path, more):
    run = ms.run(**(SMALL | more), out=tmp_path / "a", tensorboard=tmp_path / "logs")
    same(tmp_path / "logs" / "a", run)


def test_groups(tmp_path):
    ms.run(**SMALL, out=tmp_path / "a", tensorboard=tmp_path)
    tags = set(curves(tmp_path / "a"))
    assert {"errors/train_loss", "errors/test_error", "factor/signal", "factor/angle", "sigma/1"} <= tags


def test_a_run_that_goes_on_has_no_step_twice(tmp_path):
    run = ms.run(**SMALL, out=tmp_path / "a", tensorboard=tmp_path)
    # 63 is sampled because the run ends there, and dropped when the run goes on.
    for iterations in (63, 80):
        run = run.resume(iterations=iterations, progress=False, tensorboard=tmp_path)
        same(tmp_path / "a", run)
    assert len(list((tmp_path / "a").glob("events.*"))) == 3
    assert hparams(tmp_path / "a", metadata.SESSION_END_INFO_TAG).session_end_info.status == 1


def test_a_torn_last_record_costs_that_record_alone(tmp_path):
    run = ms.run(**SMALL, out=tmp_path / "a", tensorboard=tmp_path)
    (file,) = (tmp_path / "a").glob("events.*")
    whole = len(list(EventFileLoader(str(file)).Load()))
    file.write_bytes(file.read_bytes()[:-5])
    assert len(list(EventFileLoader(str(file)).Load())) == whole - 1
    run = run.resume(iterations=80, progress=False, tensorboard=tmp_path)
    same(tmp_path / "a", run)


def test_a_diverged_run_has_failed(tmp_path):
    with pytest.raises(ms.Diverged) as failure:
        ms.run(**SMALL, step=40, out=tmp_path / "a", tensorboard=tmp_path)
    same(tmp_path / "a", failure.value.run)
    assert hparams(tmp_path / "a", metadata.SESSION_END_INFO_TAG).session_end_info.status == 2


def test_settings(tmp_path):
    seed = 2**64 - 1
    ms.run(**SMALL, alpha=1e-5, seed=seed, out=tmp_path / "a", tensorboard=tmp_path)
    info = hparams(tmp_path / "a", metadata.SESSION_START_INFO_TAG).session_start_info
    assert info.hparams["n"].number_value == 10
    assert info.hparams["alpha"].number_value == 1e-5
    assert info.hparams["method"].string_value == "gd"
    assert info.hparams["seed"].string_value == str(seed)
    assert "momentum" not in info.hparams  # which gd does not have


def test_sweep(tmp_path):
    base = {key: value for key, value in SMALL.items() if key != "progress"}
    sweep = ms.sweep(
        base=base,
        axes=[dict(alpha=[1e-4, 1e-2]), dict(step=[0.1, 0.25])],
        out=tmp_path / "grid",
        tensorboard=tmp_path / "logs",
        progress=False,
    )
    folders = sorted((tmp_path / "logs" / "grid").iterdir())
    names = ["0_alpha=0.0001_step=0.1", "1_alpha=0.0001_step=0.25"]
    names += ["2_alpha=0.01_step=0.1", "3_alpha=0.01_step=0.25"]
    assert [f.name for f in folders] == names
    sweep = sweep.resume(progress=False, tensorboard=tmp_path / "logs")  # nothing is left to do
    for number, folder in enumerate(folders):
        row = {name: values[number] for name, values in sweep.results.items()}
        assert row["run"] == number
        curve = curves(folder)["errors/test_error"]
        assert curve[max(curve)] == np.float32(row["test_error"])
        info = hparams(folder, metadata.SESSION_START_INFO_TAG).session_start_info
        assert info.hparams["alpha"].number_value == row["alpha"]
        assert info.hparams["step"].number_value == row["step"]


def test_a_method_of_ones_own(tmp_path, monkeypatch):
    def gd(p, U, t):
        U -= 0.25 * p.grad(U)

    with ms.problem(n=10, rank=2, measurements=150) as p:
        monkeypatch.chdir(tmp_path)  # the server stays where it was
        run = p.solve(gd, iterations=60, out="a", tensorboard="logs", progress=False)
        same(tmp_path / "logs" / "a", run)
        run = p.solve(gd, iterations=80, out="a", tensorboard="logs", resume=True, progress=False)
        same(tmp_path / "logs" / "a", run)
        with pytest.raises(ms.ConfigError, match="has the log of a run already"):
            p.solve(gd, iterations=80, out="b/a", tensorboard="logs", progress=False)


def test_a_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ms.ConfigError, match="cannot be written to"):
        ms.run(**SMALL, out=tmp_path / "a", tensorboard=tmp_path / "file")
    assert not (tmp_path / "a").exists()
