"""Machine code that is kept is never that of other sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba

from runner.cluster.graph.single_linkage import find
from runner.utils.compiled import kernel_folder, source_digest

CALLEE = """
from runner.utils.compiled import compiled

@compiled()
def answer(x):
    return x + {number}
"""
CALLER = """
from kernels.{module} import answer
from runner.utils.compiled import compiled

@compiled()
def ask(x):
    return answer(x)
"""
PROGRAM = """
import sys
from pathlib import Path
import runner.utils.compiled as compiled
compiled._PACKAGE = Path(sys.argv[1]) / "kernels"
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from kernels.caller import ask
print(ask(40))
"""


def _asked(folder: Path) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "kept")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_a_kernel_calls_may_change_or_move(tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    caller, callee = tmp_path / "kernels" / "caller.py", tmp_path / "kernels" / "callee.py"
    caller.write_text(CALLER.format(module="callee"))
    callee.write_text(CALLEE.format(number=1))
    assert _asked(tmp_path) == "41"
    callee.write_text(CALLEE.format(number=2))
    assert _asked(tmp_path) == "42"  # Numba alone says 41, as the caller's file is as it was


def test_the_digest_is_of_all_kernels_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("@compiled()\ndef f(x): return x\n")
    (tmp_path / "b.py").write_text("import os\n")
    first = source_digest(tmp_path)
    (tmp_path / "b.py").write_text("import sys\n")
    assert source_digest(tmp_path) == first
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    assert source_digest(tmp_path) != first


def test_our_kernels_are_kept_there() -> None:
    folder = Path(find.stats.cache_path)
    assert folder.is_relative_to(kernel_folder(numba.config.CACHE_DIR))
