"""MetaImage volumes (.mha): the header, and its pixels raw or zlib-packed. Nothing else of the format is read."""

import zlib
from dataclasses import dataclass

import numpy as np

from .problems import Problem

# A header is some lines; a volume is some tens of megabytes.
HEADER_BYTES_MAX = 1 << 16
VOLUME_BYTES_MAX = 2 << 30
LAST_KEY = b"ElementDataFile"
TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}


@dataclass
class Volume:
    """`values` [k, j, i]; row i of `directions` is the unit vector (LPS) along index i, `spacing_mm` the step, `origin_lps_mm` the middle of voxel 0."""

    values: np.ndarray
    spacing_mm: np.ndarray
    directions: np.ndarray
    origin_lps_mm: np.ndarray

    def place(self, index):
        """LPS of an index (i, j, k), whole or not."""
        return self.origin_lps_mm + (np.asarray(index, float) * self.spacing_mm) @ self.directions


def header_of(file, path):
    keys = {}
    for line in iter(lambda: file.readline(HEADER_BYTES_MAX), b""):
        name, equals, value = line.partition(b"=")
        if not equals or file.tell() > HEADER_BYTES_MAX:
            break
        keys[name.strip().decode("latin-1")] = value.strip().decode("latin-1")
        if name.strip() == LAST_KEY:
            return keys
    raise Problem(f"{path} is no MetaImage: its header has no ElementDataFile")


def numbers(keys, names, count, default, path):
    text = next((keys[n] for n in names if n in keys), None)
    if text is None:
        return np.array(default, float)
    values = np.array(text.split(), float)
    if len(values) != count or not np.isfinite(values).all():
        raise Problem(f"{path}: {names[0]} = {text!r} is not {count} numbers")
    return values


def read(path):
    with open(path, "rb") as file:
        try:
            return parsed(file, path)
        except (ValueError, zlib.error) as error:
            raise Problem(f"{path}: {error}") from error


def parsed(file, path):
    keys = header_of(file, path)
    if keys["ElementDataFile"] != "LOCAL" or keys.get("NDims", "3") != "3" or keys.get("ElementNumberOfChannels", "1") != "1":
        raise Problem(f"{path}: only single-channel 3-D volumes with their data in the file are read")
    if keys.get("ElementType") not in TYPES:
        raise Problem(f"{path}: ElementType {keys.get('ElementType')} is not read")
    size = numbers(keys, ["DimSize"], 3, [0, 0, 0], path).astype(int)
    big = keys.get("BinaryDataByteOrderMSB", keys.get("ElementByteOrderMSB", "False")).lower() == "true"
    kind = np.dtype(TYPES[keys["ElementType"]]).newbyteorder(">" if big else "<")
    expected = int(np.prod(size)) * kind.itemsize
    if size.min() < 1 or expected > VOLUME_BYTES_MAX:
        raise Problem(f"{path}: DimSize {keys.get('DimSize')} is none, or over {VOLUME_BYTES_MAX >> 20} MiB")
    data = file.read(VOLUME_BYTES_MAX)
    if keys.get("CompressedData", "False").lower() == "true":
        data = zlib.decompressobj().decompress(data, expected + 1)
    if len(data) < expected:
        raise Problem(f"{path}: {len(data)} bytes of pixels, {expected} expected: the file is cut")
    directions = numbers(keys, ["TransformMatrix", "Rotation", "Orientation"], 9, np.eye(3).ravel(), path).reshape(3, 3)
    return Volume(
        values=np.frombuffer(data[:expected], kind).reshape(size[::-1]),
        spacing_mm=numbers(keys, ["ElementSpacing", "ElementSize"], 3, [1, 1, 1], path), directions=directions,
        origin_lps_mm=numbers(keys, ["Offset", "Position", "Origin"], 3, [0, 0, 0], path),
    )


def write(path, volume, packed=True):
    """The same, for sets that are made."""
    data = np.ascontiguousarray(volume.values)
    name = next(n for n, t in TYPES.items() if t == data.dtype.str[1:])
    body = zlib.compress(data.astype(data.dtype.newbyteorder("<")).tobytes()) if packed else data.astype(data.dtype.newbyteorder("<")).tobytes()
    listed = lambda values: " ".join(f"{v:.10g}" for v in np.ravel(values))
    keys = {"ObjectType": "Image", "NDims": 3, "BinaryData": True, "BinaryDataByteOrderMSB": False, "CompressedData": packed}
    keys |= {"CompressedDataSize": len(body)} if packed else {}
    keys |= {
        "TransformMatrix": listed(volume.directions), "Offset": listed(volume.origin_lps_mm), "CenterOfRotation": "0 0 0", "AnatomicalOrientation": "RAI",
        "ElementSpacing": listed(volume.spacing_mm), "DimSize": listed(data.shape[::-1]), "ElementType": name, "ElementDataFile": "LOCAL",
    }
    path.write_bytes("".join(f"{k} = {v}\n" for k, v in keys.items()).encode() + body)
