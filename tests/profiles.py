"""Colour profiles made by hand, and what they mean, computed without any colour management software.

A profile is a table of tags (ICC.1:2001-04 and ICC.1:2010): matrices and curves for screens, a grid of colours for printers.
"""

import itertools
import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D65_XY, D50_XY = (0.3127, 0.3290), (0.3457, 0.3585)
PRIMARIES = {  # the corners of each space and its white in x, y, and the exponent of its curve; None for the curve of sRGB
    "sRGB": (((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65_XY, None),
    "Adobe RGB (1998)": (((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65_XY, 563 / 256),
    "Display P3": (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), D65_XY, None),
    "ProPhoto": (((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105)), D50_XY, 1.8),
}


def to_light(levels, exponent):
    """0..1 as stored -> 0..1 of light."""
    if exponent is not None:
        return levels**exponent
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def from_light(light):
    """0..1 of light -> 0..1 as sRGB stores it."""
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def to_xyz(name):
    """The matrix from light in a space to X, Y, Z seen under D50."""
    corners, (x, y), _ = PRIMARIES[name]
    columns = np.array([[cx / cy, 1, (1 - cx - cy) / cy] for cx, cy in corners]).T
    white = np.array([x / y, 1, (1 - x - y) / y])
    adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ white)) @ BRADFORD
    return adapt @ (columns * np.linalg.solve(columns, white))


def as_srgb(levels, name):
    """What bytes (..., 3) of a space are in sRGB, 0..255, unrounded."""
    light = to_light(levels / 255, PRIMARIES[name][2]) @ (np.linalg.inv(to_xyz("sRGB")) @ to_xyz(name)).T
    return 255 * from_light(light)


# --- writing -------------------------------------------------------------------------------------------------------------


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))


def description(text, version):
    if version == 4:
        return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", 2 * len(text), 28) + text.encode("utf-16-be")
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text.encode() + b"\0" + bytes(4 + 4 + 2 + 1 + 67)


def curve(exponent, version):
    if exponent is not None and version == 2:
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256))
    if exponent is not None:
        return b"para\0\0\0\0\0\0\0\0" + fixed(exponent)
    if version == 4:
        return b"para\0\0\0\0\0\3\0\0" + b"".join(map(fixed, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))
    table = to_light(np.linspace(0, 1, 1024), None)
    return b"curv\0\0\0\0" + struct.pack(">I", 1024) + (table * 65535).round().astype(">u2").tobytes()


def profile(kind, space, connection, tags, version=2):
    """Join tags to a profile."""
    table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    date = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    head = struct.pack(">I4sI4s4s4s", size, b"test", version << 24, kind, space, connection) + date + b"acsp" + bytes(28)
    return (head + b"".join(map(fixed, D50))).ljust(128, b"\0") + table + body


def screen(name, version=2):
    """The profile of a space of `PRIMARIES`."""
    matrix, exponent = to_xyz(name), PRIMARIES[name][2]
    tags = {b"desc": description(name, version), b"cprt": description("none", 4) if version == 4 else b"text\0\0\0\0none\0"}
    tags |= {
        b"wtpt": xyz(D50),
        **{letter + b"XYZ": xyz(column) for letter, column in zip((b"r", b"g", b"b"), matrix.T, strict=True)},
    }
    tags |= {letter + b"TRC": curve(exponent, version) for letter in (b"r", b"g", b"b")}
    return profile(b"mntr", b"RGB ", b"XYZ ", tags, version)


def grey(exponent):
    """The profile of grey with a curve."""
    tags = {b"desc": description("grey", 2), b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(D50), b"kTRC": curve(exponent, 2)}
    return profile(b"mntr", b"GRAY", b"XYZ ", tags)


# --- a printer -----------------------------------------------------------------------------------------------------------

INKS = np.array([[-20, -40, -50], [-25, 55, -15], [-10, -15, 65], [-45, 0, 0]])  # what all of an ink adds to L, a and b


def printed(inks):
    """What inks (..., 4), 0..1, are in sRGB, 0..255, unrounded."""
    lab = np.array([100, 0, 0]) + inks @ INKS
    f = (lab @ np.array([[1, 1, 1], [116 / 500, 0, 0], [0, 0, -116 / 200]]) + 16) / 116
    ratios = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return 255 * from_light((ratios * D50) @ np.linalg.inv(to_xyz("sRGB")).T)


def printer(grid=3):
    """The profile of a printer whose inks are `INKS`: a grid of colours in Lab."""
    inks = np.array(list(itertools.product(np.linspace(0, 1, grid), repeat=4)))
    lab = np.array([100, 0, 0]) + inks @ INKS
    stored = np.stack([lab[:, 0] / 100 * 0xFF00, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256], axis=1)
    straight = np.array([0, 65535], ">u2").tobytes()
    lut = b"mft2\0\0\0\0" + struct.pack(">BBBx", 4, 3, grid) + b"".join(map(fixed, np.eye(3).ravel()))
    lut += struct.pack(">HH", 2, 2) + straight * 4 + stored.round().clip(0, 65535).astype(">u2").tobytes() + straight * 3
    tags = {b"desc": description("inks", 2), b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(D50), b"A2B0": lut}
    return profile(b"prtr", b"CMYK", b"Lab ", tags)
