import importlib.util
import signal

import pytest

# A shell that runs the tests in the background may have Ctrl-C ignored, and every process would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The package needs NumPy alone, and most tests need no more; these files need a package that is optional.
NEEDS = {"test_run.py": "scipy", "test_tensorboard.py": "tensorboard"}
collect_ignore = [file for file, package in NEEDS.items() if importlib.util.find_spec(package) is None]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
