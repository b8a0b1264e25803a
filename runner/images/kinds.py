"""What kind of file a file is, by its first bytes; by its ending only where bytes can't tell, or needn't.

Signatures are those of the formats' own specifications: JPEG (ITU-T T.81), PNG (ISO/IEC 15948), GIF 87a and 89a, TIFF
6.0 and BigTIFF, WebP (RFC 9649), ISO base media (ISO/IEC 14496-12) with the brands of HEIF (ISO/IEC 23008-12) and AVIF,
JPEG XL (ISO/IEC 18181-2), JPEG 2000 (ITU-T T.800), Photoshop, OpenEXR, Netpbm, and what camera makers put first.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path, PurePath

HEAD_SIZE = 64
"""Bytes of a file's beginning that are looked at."""


class Kind(StrEnum):
    """A kind of file; its value is what people call it."""

    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    BMP = "BMP"
    TIFF = "TIFF"
    WEBP = "WebP"
    HEIF = "HEIF"
    AVIF = "AVIF"
    JPEG_XL = "JPEG XL"
    RAW = "camera RAW"
    JPEG_2000 = "JPEG 2000"
    JPEG_XR = "JPEG XR"
    PSD = "Photoshop"
    SVG = "SVG"
    XCF = "GIMP"
    EXR = "OpenEXR"
    HDR = "Radiance HDR"
    NETPBM = "Netpbm"
    QOI = "QOI"
    DDS = "DirectDraw surface"
    TGA = "Targa"
    PCX = "PCX"
    ICON = "icon"
    DICOM = "DICOM"
    FITS = "FITS"
    DPX = "DPX"
    PDF = "PDF"
    VIDEO = "video"
    AUDIO = "audio"
    ARCHIVE = "archive"

    @property
    def is_picture(self) -> bool:
        """Whether such files are pictures, be they read here or not."""
        return self not in (Kind.PDF, Kind.VIDEO, Kind.AUDIO, Kind.ARCHIVE)


_ENDINGS = {
    Kind.JPEG: ".jpg .jpeg .jpe .jfif",
    Kind.PNG: ".png",
    Kind.GIF: ".gif",
    Kind.BMP: ".bmp .dib",
    Kind.TIFF: ".tif .tiff",
    Kind.WEBP: ".webp",
    Kind.HEIF: ".heic .heif .hif",
    Kind.AVIF: ".avif",
    Kind.JPEG_XL: ".jxl",
    Kind.RAW: ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .ori .pef .raf "
    ".raw .rw2 .rwl .sr2 .srf .srw .x3f",
}
_ENDINGS_OF_FORMATS_WITHOUT_SIGNATURE = {
    Kind.DICOM: ".dcm .dicom",
    Kind.PCX: ".pcx",
    Kind.SVG: ".svg .svgz",
    Kind.TGA: ".tga",
}

KIND_BY_ENDING = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}
"""The kind that files with an ending, in lower case, are nearly always of."""

_UNSIGNED = {
    ending: kind for kind, endings in _ENDINGS_OF_FORMATS_WITHOUT_SIGNATURE.items() for ending in endings.split()
}

_TEXT_AND_DATA = (
    ".txt .md .rst .tex .log .json .jsonl .ndjson .geojson .xml .xmp .csv .tsv .yaml .yml .toml .ini .cfg .conf .html "
    ".htm .css .scss .js .mjs .ts .tsx .jsx .py .pyc .ipynb .c .h .cc .cpp .hpp .java .class .jar .go .rs .rb .php .sh "
    ".bat .ps1 .sql .db .sqlite .sqlite3 .npy .npz .parquet .arrow .lance .h5 .hdf5 .mat .pkl .pickle .pt .pth .ckpt "
    ".onnx .safetensors .tfrecord .record .srt .vtt .aae .url .lnk .torrent .md5 .sha1 .sha256"
)
_DOCUMENTS_AND_PROGRAMS = (
    ".pdf .doc .docx .xls .xlsx .ppt .pptx .odt .ods .odp .rtf .epub .ttf .otf .woff .woff2 .exe .msi .dll .so .dylib "
    ".zip .tar .tgz .gz .bz2 .xz .zst .7z .rar .iso .dmg"
)
_SOUND_AND_VIDEO = (
    ".mp3 .wav .flac .ogg .opus .m4a .aac .wma .mid .mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv .flv .3gp .mts "
    ".m2ts .ogv .lrv"
)
OTHER_ENDINGS = frozenset(f"{_TEXT_AND_DATA} {_DOCUMENTS_AND_PROGRAMS} {_SOUND_AND_VIDEO}".split())
"""Endings, in lower case, of files that are no pictures, so that nobody need open them."""

_SIGNATURES = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II\x2a\x00", Kind.TIFF),
    (b"MM\x00\x2a", Kind.TIFF),
    (b"II\x2b\x00\x08\x00\x00\x00", Kind.TIFF),
    (b"MM\x00\x2b\x00\x08\x00\x00", Kind.TIFF),
    (b"\xff\x0a", Kind.JPEG_XL),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", Kind.JPEG_XL),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", Kind.JPEG_2000),
    (b"\xff\x4f\xff\x51", Kind.JPEG_2000),
    (b"II\xbc\x01", Kind.JPEG_XR),
    (b"IIRO", Kind.RAW),  # Olympus
    (b"IIRS", Kind.RAW),
    (b"MMOR", Kind.RAW),
    (b"IIU\x00", Kind.RAW),  # Panasonic and Leica
    (b"FUJIFILMCCD-RAW", Kind.RAW),
    (b"\x00MRM", Kind.RAW),  # Minolta
    (b"FOVb", Kind.RAW),  # Sigma
    (b"II\x1a\x00\x00\x00HEAPCCDR", Kind.RAW),  # Canon, before CR2
    (b"8BPS", Kind.PSD),
    (b"gimp xcf", Kind.XCF),
    (b"\x76\x2f\x31\x01", Kind.EXR),
    (b"#?RADIANCE", Kind.HDR),
    (b"#?RGBE", Kind.HDR),
    (b"qoif", Kind.QOI),
    (b"DDS \x7c\x00\x00\x00", Kind.DDS),
    (b"icns", Kind.ICON),
    (b"SIMPLE  =", Kind.FITS),
    (b"SDPX", Kind.DPX),
    (b"XPDS", Kind.DPX),
    (b"<svg", Kind.SVG),
    (b"%PDF-", Kind.PDF),
    (b"\x1aE\xdf\xa3", Kind.VIDEO),  # Matroska and WebM
    (b"ID3", Kind.AUDIO),
    (b"OggS", Kind.AUDIO),
    (b"fLaC", Kind.AUDIO),
    (b"PK\x03\x04", Kind.ARCHIVE),
    (b"\x1f\x8b\x08", Kind.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
)
_RIFF = {b"WEBP": Kind.WEBP, b"AVI ": Kind.VIDEO, b"WAVE": Kind.AUDIO}
_BITMAP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
"""Sizes of the second header of a Windows or OS/2 bitmap, by which it is told from text that begins with BM."""
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2")
)
_AVIF_BRANDS = frozenset((b"avif", b"avis"))


def read_head(path: Path) -> bytes:
    """The first ``HEAD_SIZE`` bytes of a regular file, fewer where it is shorter; OSError where it can't be read."""
    with path.open("rb", buffering=0) as file:
        return file.read(HEAD_SIZE)


def kind_of(head: bytes, name: str = "") -> Kind | None:
    """The kind of a file, or None where it is none that is known.

    Most raw photographs are TIFFs by their bytes: only the ending tells them from others.

    Args:
        head: its first ``HEAD_SIZE`` bytes.
        name: its name, whose ending counts only where bytes can't tell.

    >>> kind_of(b"II*\\0" + bytes(60), "scan.tif").value, kind_of(b"II*\\0" + bytes(60), "DSC_0001.NEF").value
    ('TIFF', 'camera RAW')
    """
    ending = ending_of(name)
    kind = _kind_of_bytes(head)
    if kind is Kind.TIFF:
        is_raw = head[8:10] == b"CR" or KIND_BY_ENDING.get(ending) is Kind.RAW
        return Kind.RAW if is_raw else Kind.TIFF
    return kind or (_UNSIGNED.get(ending) if head else None)


def ending_of(name: str) -> str:
    """A file's ending in lower case with its dot, such as ``.jpg``; empty where it has none."""
    return PurePath(name).suffix.lower()


def _kind_of_bytes(head: bytes) -> Kind | None:
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:2] == b"BM":
        return Kind.BMP if int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS else None
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return Kind.NETPBM if head[3:4].isdigit() or head[3:4] in b"#WH" else None
    if head[:4] in (b"\x00\x00\x01\x00", b"\x00\x00\x02\x00"):  # icons and cursors: a count, then sizes, then a zero
        return Kind.ICON if head[4:6] not in (b"", b"\x00\x00") and head[9:10] == b"\x00" else None
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)


def _kind_of_brands(head: bytes) -> Kind:
    """The kind of an ISO base media file: its own brand first, then those that it is compatible with."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[start : start + 4] for start in range(16, size, 4))]
    if brands[0] == b"crx ":
        return Kind.RAW  # Canon CR3
    if not _AVIF_BRANDS.isdisjoint(brands):
        return Kind.AVIF
    if not _HEIF_BRANDS.isdisjoint(brands):
        return Kind.HEIF
    if brands[0] == b"jxl ":
        return Kind.JPEG_XL
    return Kind.AUDIO if brands[0] in (b"M4A ", b"M4B ") else Kind.VIDEO
