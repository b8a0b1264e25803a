"""Network shares, memory cards and pulled disks, by real system calls that fail.

The tests of single steps take a second or two each; those of whole experiments are for ``make check`` and take
half a minute for each experiment.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.drives import NEVER, Drive, built
from tests.faults.world import PATIENCE, World, make_images

Run = Callable[..., "subprocess.CompletedProcess[str]"]
BACK = "once its drive answers again, the same command resumes"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = built(tmp_path_factory.mktemp("library"))
    if library is None:
        pytest.skip("needs Linux and a C compiler")
    return library


@pytest.fixture
def run(library: Path, tmp_path: Path) -> Run:
    """Runs Python statements in a process that sees ``FOLDER`` through a drive with a fault."""
    folder = tmp_path / "drive"
    folder.mkdir()

    def run(fault: str, statements: str, answered: int = 0) -> subprocess.CompletedProcess[str]:
        drive = Drive(library, folder, fault, tmp_path / "calls", answered)
        start = f"from pathlib import Path\nFOLDER = Path({str(folder)!r})\n"
        command = [sys.executable, "-c", start + textwrap.dedent(statements)]
        return subprocess.run(command, env=dict(drive.environment()), capture_output=True, text=True, check=False)

    return run


@pytest.mark.check
def test_without_locks_a_second_writer_cannot_be_told_and_the_user_is_told(run: Run) -> None:
    done = run(
        "locks",
        """
        import fcntl
        from runner.results.lock import sole_writer
        with (FOLDER / "file").open("w") as file:
            for lock in fcntl.flock, fcntl.lockf:
                try:
                    lock(file, fcntl.LOCK_EX)
                except OSError as error:
                    print(error.strerror)
        with sole_writer(FOLDER, print):
            print("written")
        """,
    )
    said = done.stdout.splitlines()
    assert said[:2] == ["No locks available"] * 2  # the drive is as it should be
    assert said[2].startswith("note        the drive of ") and "no file locks; let no other experiment" in said[2]
    assert said[3:] == ["written"] and done.returncode == 0, done.stderr


@pytest.mark.check
def test_without_locks_hashes_are_not_remembered_and_nobody_waits_for_a_lock(run: Run) -> None:
    done = run(
        "locks",
        """
        import runner.images.stat_table
        from runner.images.content_hash import ContentHashes, hash_file
        runner.images.stat_table.sqlite3 = None  # not even asked
        (FOLDER / "image").write_bytes(b"content")
        for _ in range(2):
            assert ContentHashes(FOLDER).hash_files([FOLDER / "image"]) == [hash_file(FOLDER / "image")]
        """,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert "has no file locks" in line and "--cache-dir" in line


@pytest.mark.check
def test_without_locks_a_store_of_mlflow_is_refused_at_once(run: Run) -> None:
    done = run(
        "locks",
        """
        from runner.errors import RunnerError
        from runner.integrations.mlflow.mlflow_store import open_store
        try:
            with open_store(f"sqlite:///{FOLDER}/mlflow.db", FOLDER):
                print("opened")
        except RunnerError as error:
            print(error)
        print(sorted(path.name for path in FOLDER.iterdir()))
        """,
    )
    sentence, left = done.stdout.splitlines()
    assert "mlflow.db is on a drive without file locks" in sentence and "--tracking-uri" in sentence
    assert left == "[]"


@pytest.mark.check
def test_without_locks_temporary_files_are_refused_with_the_remedy(run: Run) -> None:
    done = run(
        "locks",
        """
        import tempfile
        tempfile.tempdir = str(FOLDER)
        from runner.errors import RunnerError
        from runner.utils.scratch import scratch_folder
        try:
            with scratch_folder():
                print("used")
        except RunnerError as error:
            print(error)
        print(sorted(path.name for path in FOLDER.iterdir()))
        """,
    )
    sentence, left = done.stdout.splitlines()
    assert "no file locks; set TMPDIR" in sentence and left == "[]", done.stderr


@pytest.mark.check
def test_without_links_geometries_share_vectors_by_a_copy(run: Run) -> None:
    done = run(
        "links",
        """
        import numpy as np
        from runner.cluster.geometry_files import VECTORS, link_vectors
        (FOLDER / "geometry").mkdir()
        np.save(FOLDER / "vectors.npy", np.eye(3))
        link_vectors(FOLDER / "vectors.npy", FOLDER / "geometry")
        copy = FOLDER / "geometry" / VECTORS
        print(copy.is_symlink(), copy.stat().st_nlink, np.array_equal(np.load(copy), np.eye(3)))
        """,
    )
    assert done.stdout.split() == ["False", "1", "True"], done.stderr


@pytest.mark.check
@pytest.mark.parametrize(("how", "remedy"), [("hardlink", "symlink or copy"), ("symlink", "copy")])
def test_without_links_an_export_of_links_is_refused_before_it_begins(run: Run, how: str, remedy: str) -> None:
    done = run(
        "links",
        f"""
        from runner.errors import RunnerError
        from runner.export.checks import check_room
        from runner.export.config import How
        try:
            check_room(FOLDER / "sorted", [], How({how!r}))
        except RunnerError as error:
            print(error)
        print(sorted(FOLDER.iterdir()))
        """,
    )
    sentence, left = done.stdout.splitlines()
    assert sentence.endswith(f"has no such links; use --how {remedy}") and "/sorted" in sentence
    assert left == "[]"


def test_a_file_that_somebody_has_open_is_replaced_when_it_is_closed(run: Run) -> None:
    done = run(
        "rename",
        """
        from runner.utils import atomic
        (FOLDER / "file").write_text("old")
        reader = (FOLDER / "file").open()
        waits = []
        def sleep(seconds):
            waits.append(seconds)
            reader.close()
        atomic.time.sleep = sleep
        atomic.write_atomically(FOLDER / "file", b"new")
        print(len(waits), (FOLDER / "file").read_text())
        """,
    )
    assert done.stdout.split() == ["1", "new"], done.stderr


@pytest.mark.check
def test_a_file_that_stays_open_stays_as_it_is_and_the_sentence_says_so(run: Run) -> None:
    done = run(
        "rename",
        """
        from runner.utils import atomic
        from runner.errors import RunnerError
        from runner.utils.atomic import (write_text)
        atomic._PATIENCE = 0
        (FOLDER / "file").write_text("old")
        with (FOLDER / "file").open() as reader:
            try:
                write_text(FOLDER / "file", "new")
            except RunnerError as error:
                print(error)
            print(reader.read(), len(list(FOLDER.iterdir())))
        """,
    )
    sentence, left = done.stdout.splitlines()
    assert "file could not be written: " in sentence and "close the program that has it open" in sentence
    assert left == "old 1"


@pytest.mark.check
@pytest.mark.parametrize(("fault", "reason"), [("eio", "Input/output error"), ("estale", "Stale file handle")])
def test_images_on_a_drive_that_is_gone_are_not_left_out(run: Run, tmp_path: Path, fault: str, reason: str) -> None:
    make_images(tmp_path / "drive", each=2)
    statements = """
        import tempfile
        from runner.embed.hashed_images import hash_images
        from runner.errors import RunnerError
        from runner.images.folder import scan_folder
        try:
            with tempfile.TemporaryDirectory() as cache:
                hashed = hash_images(scan_folder(FOLDER).images, Path(cache))
            print(len(hashed.by_image), len(hashed.errors))
        except RunnerError as error:
            print(error)
    """
    assert run(fault, statements, NEVER).stdout.split() == ["6", "0"]
    calls = Drive(Path(), Path(), fault, tmp_path / "calls").calls()
    for answered in (0, calls // 2, calls - 3):
        done = run(fault, statements, answered)
        assert reason in done.stdout and BACK in done.stdout, (answered, done.stdout, done.stderr)
        assert len(done.stdout.splitlines()) == 1 and "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    make_images(folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What an experiment leaves that nothing disturbed."""
    world = World(tmp_path_factory.mktemp("undisturbed"), images)
    assert world.run() == 0, world.output()
    return world.snapshot()


@pytest.mark.check
@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.parametrize("fault", ["links", "rename"])
def test_an_experiment_on_a_poor_drive_is_like_any_other(
    library: Path, images: Path, undisturbed: dict[str, object], tmp_path: Path, fault: str
) -> None:
    world = World(tmp_path / "world", images)
    drive = Drive(library, world.folder, fault, tmp_path / "calls")
    assert world.start(environment=drive.environment()).wait(PATIENCE) == 0, world.output()
    assert world.snapshot() == undisturbed
    assert not world.temporary_files()


@pytest.mark.check
@pytest.mark.timeout(2 * PATIENCE)
def test_an_experiment_on_a_drive_without_locks_names_the_remedy_before_any_work(
    library: Path, images: Path, tmp_path: Path
) -> None:
    world = World(tmp_path / "world", images)
    drive = Drive(library, world.folder, "locks", tmp_path / "calls")
    assert world.start(environment=drive.environment()).wait(PATIENCE) == 1, world.output()
    assert "without file locks" in world.output() and "--tracking-uri" in world.output()
    assert "Traceback" not in world.output() and not list(world.cache.glob("embeddings/*"))


@pytest.mark.check
@pytest.mark.parametrize("answered", [0, 40, 80, 120, 160])
def test_a_cache_on_a_drive_that_is_gone_names_the_remedy_and_is_not_taken_for_damaged(run: Run, answered: int) -> None:
    done = run(
        "eio",
        """
        import numpy as np
        from runner.embed.cache.vector_table import VectorTable
        from runner.errors import RunnerError
        from runner.utils.system_errors import reason_and_remedy
        try:
            for commit in range(50):
                VectorTable(FOLDER / "table").append([f"{commit:032x}"], np.ones((1, 4), np.float32))
        except RunnerError as error:
            print(error)
        except OSError as error:
            print(reason_and_remedy(error))
        """,
        answered,
    )
    assert BACK in done.stdout and "cache prune" not in done.stdout, done.stderr
