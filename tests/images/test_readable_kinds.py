"""What is said of pictures that only an extra reads, where it is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCAN = """
import sys
sys.modules["imagecodecs"] = sys.modules["rawpy"] = None  # as if they were not installed
from pathlib import Path
from runner.images.folder import scan_folder
scan = scan_folder(Path(sys.argv[1]))
print(*scan.images.ids)
for skipped in scan.skipped: print(skipped.path, skipped.reason)
"""


def test_each_picture_that_an_extra_would_read_is_skipped_with_what_to_install(tmp_path: Path) -> None:
    for name, content in {
        "a.jxl": b"\xff\x0a" + bytes(60),
        "b.NEF": b"II*\0" + bytes(60),
        "c.CR3": b"\0\0\0\x18ftypcrx " + bytes(60),
        "d.heic": b"\0\0\0\x18ftypheic",
        "e.jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
    }.items():
        (tmp_path / name).write_bytes(content)
    said = subprocess.run([sys.executable, "-c", SCAN, tmp_path], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        "d.heic",
        "a.jxl is a JPEG XL picture; pip install 'imagesweep[jxl]' to read it",
        "b.NEF is a camera RAW picture; pip install 'imagesweep[raw]' to read it",
        "c.CR3 is a camera RAW picture; pip install 'imagesweep[raw]' to read it",
        "e.jp2 is a JPEG 2000 picture, which is not read; convert a copy to one of "
        "JPEG, PNG, GIF, BMP, TIFF, WebP, HEIF and AVIF",
    ]
