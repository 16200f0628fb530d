"""What a picture is by its bytes: PNG, JPEG or WebP, and how large. Nothing is decoded.

It has to end where it says that it does: what is something else as well hides behind the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"
# Start of frame: every form of JPEG that has a size. 0xC4, 0xC8 and 0xCC are something else.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset(range(0xD0, 0xD8)) | {0x01}  # markers without a length


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it came."""

    media_type: str
    data: bytes
    width: int  # pixels
    height: int


def picture_in(data: bytes) -> Picture | None:
    """The picture that these bytes are; None: none that is known here."""
    for media_type, size in (
        ("image/png", _png),
        ("image/jpeg", _jpeg),
        ("image/webp", _webp),
    ):
        found = size(data)
        if found is not None:
            return Picture(media_type, data, *found)
    return None


def _png(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(_PNG) or data[12:16] != b"IHDR":
        return None
    at = len(_PNG)
    while data[at + 4 : at + 8] not in (b"IEND", b""):
        at += 12 + int.from_bytes(data[at : at + 4])  # length, type, data, check sum
    if data[at:] != _PNG_END:
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _jpeg(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(_JPEG) or not data.endswith(_JPEG_END):
        return None
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a byte to fill up with
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAMES:
            if at + 9 > len(data):
                return None
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        else:
            length = int.from_bytes(data[at + 2 : at + 4])
            if length < 2:
                return None
            at += 2 + length
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    if _little(data[4:8]) + 8 != len(data):
        return None
    form = data[12:16]
    if form == b"VP8X":
        return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    if form == b"VP8L" and data[20] == 0x2F:
        bits = _little(data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    return None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
