"""How settings are taken."""

import os

import pytest

from matsense._settings import absolute


@pytest.mark.parametrize(
    ("key", "value", "is_path"),
    [
        ("init", "random", False), ("init", "U.npy", True), ("init", "data.npz:U", True),
        ("init", os.path.join("W", "start"), True), ("init", "W%d", True), ("triplets", "ratings", True),
        ("method", "gd.x", False),
    ],
)  # fmt: skip
def test_paths_mean_the_same_from_every_folder(key, value, is_path):
    assert absolute(key, value) == (os.path.abspath(value) if is_path else value)
