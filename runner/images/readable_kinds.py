"""Which kinds of pictures can be read here, by what, and what to do about the others."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from pi_heif.as_plugin import HeifImageFile

# Importing the plugins fills Pillow's registry, once and before any thread decodes.
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from runner.images.kinds import Kind

_PLUGINS: dict[Kind, type[ImageFile.ImageFile]] = {
    Kind.JPEG: JpegImagePlugin.JpegImageFile,
    Kind.PNG: PngImagePlugin.PngImageFile,
    Kind.GIF: GifImagePlugin.GifImageFile,
    Kind.BMP: BmpImagePlugin.BmpImageFile,
    Kind.TIFF: TiffImagePlugin.TiffImageFile,
    Kind.WEBP: WebPImagePlugin.WebPImageFile,
    Kind.HEIF: HeifImageFile,
    Kind.AVIF: AvifImagePlugin.AvifImageFile,
}


@dataclass(frozen=True)
class _Extra:
    """What has to be installed for a kind that not everybody needs."""

    name: str
    package: str

    @property
    def is_installed(self) -> bool:
        return find_spec(self.package) is not None


_EXTRAS = {Kind.JPEG_XL: _Extra("jxl", "imagecodecs"), Kind.RAW: _Extra("raw", "rawpy")}

READABLE = "JPEG, PNG, GIF, BMP, TIFF, WebP, HEIF and AVIF"
"""What is read always, for people."""


def plugin(kind: Kind) -> type[ImageFile.ImageFile]:
    """Pillow's class for images of a kind that it reads."""
    return _PLUGINS[kind]


def why_unreadable(kind: Kind | None) -> str | None:
    """Why pictures of a kind can't be read here and what to do, in words that follow a file's name; None if they can.

    Args:
        kind: as ``runner.images.kinds.kind_of`` tells it; None for what is no known kind.
    """
    if kind in _PLUGINS:
        return None
    if kind in _EXTRAS:
        extra = _EXTRAS[kind]
        return None if extra.is_installed else f"is a {kind} picture; pip install 'imagesweep[{extra.name}]' to read it"
    if kind is None:
        return f"is not a {READABLE.replace(' and ', ' or ')} image, whatever its name says"
    if kind.is_picture:
        return f"is a {kind} picture, which is not read; convert a copy to one of {READABLE}"
    return f"is no picture ({kind})"
