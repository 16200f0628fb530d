"""Colours that can be read, and pictures that are what they say."""

from __future__ import annotations

import pytest

from services.branding import contrast
from services.pictures import picture_in


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [  # by the definition in WCAG 2.2; the greys are those that its readers quote
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#ffffff", 4.00),
    ],
)
def test_contrast_is_what_the_guidelines_say(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


def riff(form: bytes, rest: bytes) -> bytes:
    body = b"WEBP" + form + len(rest).to_bytes(4, "little") + rest + bytes(16)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


PNG = b"\x89PNG\r\n\x1a\n" + bytes([0, 0, 0, 13]) + b"IHDR" + bytes([0, 0, 1, 0, 0, 0, 0, 64])
PNG += bytes([8, 6, 0, 0, 0]) + bytes(4)
PNG += bytes([0, 0, 0, 3]) + b"IDAT" + b"xyz" + bytes(4) + bytes(4) + b"IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xff\xc2\x00\x11\x08\x00\x40\x01\x00"
JPEG += bytes(12) + b"\xff\xd9"
EXTENDED = riff(b"VP8X", bytes(4) + (255).to_bytes(3, "little") + (63).to_bytes(3, "little"))
LOSSLESS = riff(b"VP8L", b"\x2f" + (255 | 63 << 14).to_bytes(4, "little"))
LOSSY = riff(
    b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + (256).to_bytes(2, "little") + (64).to_bytes(2, "little")
)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (EXTENDED, "image/webp"),
        (LOSSLESS, "image/webp"),
        (LOSSY, "image/webp"),
    ],
)
def test_a_picture_has_a_kind_and_a_size_by_its_bytes(data: bytes, media_type: str) -> None:
    found = picture_in(data)
    assert found is not None
    assert (found.media_type, found.width, found.height) == (media_type, 256, 64)
    assert found.data == data
    for end in range(len(data)):  # cut anywhere, it is none
        assert picture_in(data[:end]) is None
    for more in (b"\0", b"<script>alert(1)</script>", b"PK\5\6" + bytes(18)):
        assert picture_in(data + more) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + bytes(40),
        PNG[:20],
        JPEG[:22],
        b"\xff\xd8\xff\xe0\x00\x00" + bytes(40),
        b"RIFF" + bytes(40),
        b"%PDF-1.7" + bytes(40),
    ],
)
def test_what_is_no_picture_is_none(data: bytes) -> None:
    assert picture_in(data) is None
