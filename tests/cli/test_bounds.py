"""What claims to be huge is refused before it takes time or memory, and no file is ever run."""

import io
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from shell import CONFIGS, MIB, XOR, forked
from specimens import OWN, RUN, TARGETS, names, refused

# --- arrays and archives ---------------------------------------------------------------------


def npy(shape, descr="'<f8'", content=b""):
    """Return an .npy file whose header claims a shape and a type."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def npz(member, name="W1", how=zipfile.ZIP_STORED):
    """Return an .npz file of one member's bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        archive.writestr(f"{name}.npy", member)
    return file.getvalue()


def saved(save, *args, **kwargs):
    file = io.BytesIO()
    save(file, *args, **kwargs)
    return file.getvalue()


def many(count, size):
    """Return an .npz file of many arrays of zeros, each of some bytes, in little room."""
    return saved(np.savez_compressed, **{f"W{i}": np.zeros(size, "u1") for i in range(count)})


def packed(name, content, zeros):
    """Return a zip file of one member: content and as many zeros, in a thousandth of the room."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    body = begin + block * (zeros // MIB) + b"\x03\x00"
    sizes = len(body), min(len(content) + zeros, 2**32 - 2), len(name), 0
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, *sizes)
    here = b"PK\x03\x04" + fields + name + body
    central = b"PK\x01\x02\x14\x00" + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(here), 0)
    return here + central + b"PK\x05\x06" + end


def overlapping(content, count):
    """Return an .npz file with as many members, all of which are the same bytes."""
    file = npz(content)
    end = file.rindex(b"PK\x05\x06")
    at = struct.unpack("<I", file[end + 16 : end + 20])[0]
    entry = file[at:end]
    tail = struct.pack("<HHHHIIH", 0, 0, count, count, len(entry) * count, at, 0)
    return file[:at] + entry * count + b"PK\x05\x06" + tail


class Opened:
    """What leaves a trace when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("owned",)


OBJECTS = np.array([{}, Opened()], object)
ARRAYS = {
    "100 GB": npy((12_500_000_000,), content=bytes(100)),
    "10^15 bytes": npy((10**15,), "'|u1'"),
    "0 x 10^30": npy((0, 10**30)),
    "10^15 x nothing": npy((10**15,), "'|V0'"),
    "10^15 texts of nothing": npy((10**15,), "'<U0'"),
    "negative": npy((-1,), content=bytes(80)),
    "minus times minus": npy((-5, -2), content=bytes(80)),
    "a long header": b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + bytes(100),
    "a deep header": npy("(" * 4000),
    "a strange header": npy("(3,", "'<f8"),
    "an indented header": npy("(3,)").replace(b"{'", b" \n  {'"),
    "a header that warns": npy("(1if 1else 2,)", content=bytes(80)),
    "a header with code": npy("(__import__('os').mkdir('owned'),)"),
    "a structure": npy((2,), "[('a', '<f8'), ('b', '|O')]", bytes(80)),
    "objects": saved(np.save, OBJECTS, allow_pickle=True),
    "pickle": pickle.dumps(Opened()),
    "an archive": npz(npy((1,), content=bytes(8))),
    "a text": b"W1: 1\n",
    "nothing": b"",
}
FITTING = packed(b"X.npy", npy((1400 * MIB // 8, 1)), 1400 * MIB)  # a bomb with the right header
LZMA = npz(npy((3,), content=bytes(24)), how=zipfile.ZIP_LZMA)
ARCHIVES = {
    **{kind: npz(content) for kind, content in ARRAYS.items()},
    "arrays of objects": saved(np.savez, W1=OBJECTS, allow_pickle=True),
    "compressed objects": saved(np.savez_compressed, X=np.zeros((9, 2)), y=OBJECTS),
    "a bomb": packed(b"W1.npy", npy((10**9,)), 100 * MIB),
    "a bomb in a header": packed(b"W1.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x3f", 1100 * MIB),
    "a bomb that fits": FITTING,
    "many bombs": many(100, 20 * MIB),
    "overlapping": overlapping(npy((MIB // 2,), content=bytes(4 * MIB)), 1000),
    "lzma": LZMA.replace(bytes(4), b"\xff" * 4, 1),
    "a path": npz(npy((1,), content=bytes(8)), "../../owned"),
    "a name to move the cursor": npz(npy((1,), content=bytes(8)), "\x1b[2J\x9b31m"),
    "no archive": ARRAYS["pickle"],
    "an empty zip": b"PK\x05\x06" + bytes(18),
}
KINDS = {".npy": ARRAYS, ".npz": ARCHIVES}
CASES = [
    (name, kind)
    for name, target in TARGETS.items()
    for kind in KINDS.get(Path(target.path).suffix, ())
]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_an_archive_of_any_kind_is_refused_within_bounds(name, kind, here):
    target = TARGETS[name]
    path = Path(target.path)
    path.write_bytes(KINDS[path.suffix][kind])
    done = forked(*target.commands[0].split())
    refused(done, 6, str(path))
    assert done.growth < 40 * MIB, done
    assert not Path("owned").exists()
    assert not Path("../owned").exists()
    print(f"{name}, {kind}: {done.growth / MIB:.1f} MiB, {done.seconds:.3f} s")


# --- configurations --------------------------------------------------------------------------


def alias_bomb(depth=9):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, depth)]
    return "\n".join(lines)


MOONS = CONFIGS / "moons.yaml"
TOO_MUCH = {
    "10^12 parameters": (f"train {XOR} layers.0.units=1000000 layers.1.units=1000000", 3),
    "10^12 parameters at once": (f"train {XOR} layers.0.units=300000000000", 3),
    "10^12 parameters in a sweep": (f"sweep {XOR} seed=0..3 layers.0.units=300000000000", 3),
    "10^9 samples": (f"train {MOONS} dataset.samples=1000000000 layers.0.units=100", 3),
    "10^12 runs": (f"sweep {XOR} seed=0..1000000000000 epochs=1", 3),
    "an alias bomb": ("train bomb.yaml", 3),
    "an alias bomb to sweep": ("sweep bomb.yaml seed=0..3", 3),
    "an alias bomb in a run": (f"predict {RUN} --x 0,1", 6),
    "a long line": ("train line.yaml", 3),
    "a deep list": ("train deep.yaml", 3),
    "an override that is deep": (f"train {XOR} layers={'[' * 2000}", 3),
    "a line without an end": (f"predict {RUN} /dev/zero", 6),
    "10^15 bytes": ("train npz.yaml", 6),
    "a zip bomb": ("train fitting.yaml", 6),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_what_asks_for_too_much_is_refused_within_bounds(what, here):
    line, code = TOO_MUCH[what]
    Path("bomb.yaml").write_text(alias_bomb())
    Path("line.yaml").write_text("name: " + "x" * MIB)
    Path("deep.yaml").write_text("layers: " + "[" * 500_000)
    Path("data.npz").write_bytes(npz(npy((10**15, 1), "'|u1'"), "X"))
    Path("fitting.npz").write_bytes(FITTING)
    Path("fitting.yaml").write_text(OWN.replace("data.csv, target: kind", "fitting.npz"))
    if what == "an alias bomb in a run":
        Path(RUN, "config.yaml").write_text(alias_bomb())
    before = names("runs")
    done = forked(*line.split(" "))
    refused(done, code)
    assert done.growth < 100 * MIB, done
    assert names("runs") == before
    print(f"{what}: {done.growth / MIB:.1f} MiB, {done.seconds:.3f} s")
