"""PNG files in 256 colours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.plots.palettes import Palette

FREQUENT = 100  # most frequent colours, kept exactly


def packed(file: io.BytesIO, palette: Palette) -> bytes:
    """Return a PNG reduced to 256 colours: a third of the size, with no visible difference."""
    from matplotlib.colors import to_rgb
    from PIL import Image

    image = Image.open(file).convert("RGB")
    # Exact: the palette's colours, which few pixels may have (samples), and those of large areas.
    hues = [hue for hue in (*palette, *palette.series) if isinstance(hue, str)]
    drawn = [tuple(round(255 * part) for part in to_rgb(hue)) for hue in hues]
    often = sorted(image.getcolors(image.width * image.height) or [], reverse=True)[:FREQUENT]
    exact = np.array(sorted({*drawn, *(colour for _, colour in often)}))
    packed = image.quantize(256 - len(exact), dither=Image.Dither.NONE)
    chosen, numbers = packed.getpalette() or [], np.array(packed)
    coded, kept = (np.asarray(part, int) @ [1 << 16, 1 << 8, 1] for part in (image, exact))
    nearest = np.minimum(np.searchsorted(kept, coded), len(kept) - 1)
    numbers = np.where(kept[nearest] == coded, 256 - len(exact) + nearest, numbers)
    result = Image.fromarray(numbers.astype(np.uint8))
    result.putpalette([*(chosen + [0] * 768)[: 3 * (256 - len(exact))], *exact.ravel().tolist()])
    out = io.BytesIO()
    result.save(out, "PNG", optimize=True)
    return out.getvalue()
