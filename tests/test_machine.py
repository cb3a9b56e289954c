"""What a process may use of its machine: affinity and the quotas of control groups count."""

import os

import pytest

from nnfs_cli import machine


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Return a function that lets this process be in control groups, given as files."""

    def groups(own, files, affinity=8):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        monkeypatch.setattr(machine, "OWN_CGROUPS", tmp_path / "own")
        monkeypatch.setattr(machine, "CGROUPS", tmp_path)
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(affinity), raising=False)

    return groups


V1 = {"cpu/cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("", {}, 8),
        ("0::/\n", {}, 8),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "6400000 100000\n"}, 8),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "100000 100000", "a/cpu.max": "300000 100000"}, 1),
        ("0::/of/the/host\n", {"cpu.max": "400000 100000\n"}, 4),
        ("4:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", **V1}, 8),
        ("4:cpuacct,cpu:/\n0::/\n", {"cpu/cpu.cfs_quota_us": "500000\n", **V1}, 5),
        ("4:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "500000\n", **V1}, 8),
        ("nonsense\n", {"cpu.max": "100000 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "nonsense\n"}, 8),
        ("0::/\n", {"cpu.max": "100000 0\n"}, 8),
    ],
)
def test_cores_are_those_that_affinity_and_control_groups_allow(own, files, cores, groups):
    groups(own, files)
    assert machine.cores() == cores
    groups(own, files, affinity=1)
    assert machine.cores() == 1


def test_without_affinity_all_processors_count(groups, monkeypatch):
    groups("", {})
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert machine.cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores() == 1
