"""A runs directory that several users write to: each can train and sweep, and none trusts the
files of another."""

import os
import shutil
import tempfile
from contextlib import chdir
from pathlib import Path

import pytest
from shell import CONFIGS, call, forked
from specimens import contents

ANN, BOB, GROUP = 54321, 54322, 54320
SWEEP = ("sweep", "-q", "xor.yaml", "epochs=5", "-j1")
MOONS = ("train", "-q", "moons.yaml", "dataset.samples=40", "epochs=2")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")


def bring_configs():
    """Copy what is trained here: other users may have no right to enter the project."""
    for name in ("xor.yaml", "moons.yaml"):
        shutil.copyfile(CONFIGS / name, name)
        Path(name).chmod(0o644)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Load all that the commands load: other users may have no right to read it."""
    with chdir(tmp_path_factory.mktemp("loaded")):
        bring_configs()
        for args in (MOONS, (*SWEEP, "seed=0..1"), (*SWEEP, "seed=0..1"), ("runs",)):
            assert call(*args).code == 0


@pytest.fixture
def commons(loaded, monkeypatch):
    """Go to a directory that everybody can enter, and return it."""
    path = Path(tempfile.mkdtemp(prefix="nnfs-", dir="/tmp"))  # TMPDIR may be one user's
    path.chmod(0o755)
    (path / "home").mkdir(0o755)  # in which nobody can write
    monkeypatch.chdir(path)
    bring_configs()
    monkeypatch.setenv("HOME", str(path / "home"))
    for name in ("NNFS_RUNS_DIR", "NNFS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    yield path
    os.chdir("/")
    shutil.rmtree(path)


def acting(user, *args, umask=0o022):
    """Run a command as a user, whose groups are their own and GROUP; return where its run is."""

    def become():
        os.setgroups([GROUP])
        os.setgid(user)
        os.setuid(user)
        os.umask(umask)

    done = forked(*args, before=become)
    assert (done.code, done.stderr) == (0, ""), done
    return Path(done.stdout.strip())


def runs_of_group():
    """Make a runs directory for GROUP."""
    Path("runs").mkdir()
    os.chown("runs", -1, GROUP)
    Path("runs").chmod(0o2775)


def runs_of_all(mode):
    Path("runs").mkdir()
    Path("runs").chmod(mode)


def runs_of_old():
    """Make a runs directory in which Ann alone can write to the index, as nnfs used to."""
    runs_of_all(0o777)
    acting(ANN, *SWEEP, "seed=7..8")
    Path("runs/.sweeps").chmod(0o755)


PLACES = {
    "group": runs_of_group,
    "all": lambda: runs_of_all(0o777),
    "sticky": lambda: runs_of_all(0o1777),
    "old": runs_of_old,
}


@pytest.mark.parametrize("umask", [0o022, 0o077], ids=oct)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_every_user_of_a_runs_directory_can_sweep_in_it(place, umask, commons):
    place()
    anns = acting(ANN, *SWEEP, "seed=0..1", umask=umask)
    before = contents(anns)
    bobs = acting(BOB, *SWEEP, "seed=0..2", umask=umask)
    assert bobs != anns
    same = acting(BOB, *SWEEP, "seed=0..1", umask=umask)
    assert same not in (anns, bobs), "a sweep that cannot be written is not continued"
    assert contents(anns) == before
    assert acting(BOB, *SWEEP, "seed=0..1", umask=umask) == same
    assert acting(BOB, *SWEEP, "seed=0..2", umask=umask) == bobs
    assert acting(ANN, *SWEEP, "seed=0..1", umask=umask) == anns
    assert acting(BOB, *SWEEP, "seed=0..2", "--fresh", umask=umask) not in (anns, bobs, same)


@pytest.mark.parametrize("place", ["group", "all", "sticky"])
def test_the_index_is_as_open_as_the_runs_directory(place, commons):
    PLACES[place]()
    acting(ANN, *SWEEP, "seed=0..1")
    runs, index = Path("runs").stat(), Path("runs/.sweeps").stat()
    assert index.st_gid == (GROUP if place == "group" else ANN)
    bits = 0o1022 if place == "group" else 0o1002
    assert index.st_mode & bits == runs.st_mode & bits


def test_an_index_is_not_opened_to_a_group_that_the_runs_directory_is_not_for(commons):
    Path("runs").mkdir()
    os.chown("runs", ANN, 0)  # a group that Ann is not in
    Path("runs").chmod(0o775)
    acting(ANN, *SWEEP, "seed=0..1")
    assert Path("runs/.sweeps").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("home", [True, False], ids=["with a home", "without"])
def test_a_cache_of_data_is_one_user_s(home, commons, monkeypatch):
    runs_of_all(0o777)
    for user in (ANN, BOB):
        if home:
            Path(f"home/{user}").mkdir()
            os.chown(f"home/{user}", user, user)
            monkeypatch.setenv("HOME", str(commons / "home" / str(user)))
        acting(user, *MOONS)
    caches = sorted(path.parent for path in commons.rglob("*.npy"))
    if home:
        assert caches == [commons / f"home/{user}/.cache/nnfs" for user in (ANN, BOB)]
        assert not Path("runs/.cache").exists()
    else:
        assert caches == [commons / "runs/.cache"]
        assert caches[0].stat().st_uid == ANN
    assert all(cache.stat().st_mode & 0o777 == 0o700 for cache in caches)


def test_a_lock_of_another_user_holds(commons):
    runs_of_all(0o777)
    acting(ANN, *SWEEP, "seed=0..1")
    lock = Path("runs/.sweeps/.lock")
    lock.write_text("Ann's")
    lock.chmod(0o644)
    acting(BOB, *SWEEP, "seed=0..2")
    assert (lock.read_text(), lock.stat().st_uid) == ("Ann's", ANN)
