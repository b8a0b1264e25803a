"""Runs whose MongoDB server is killed in their midst; a program of its own, as the server is. Prints what was seen.

Usage: ``python without_database.py PHOTOS FOLDER``
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.mongod import own_database, start_server

ROOT = Path(__file__).resolve().parents[2]
URI = "@imagesweep/clustering"
SLOW = {"models": ["efficientnet_lite0"], "resolutions": ["64"], "mode": "comprehensive", "top": 1}


def main() -> None:
    photos, folder = map(Path, sys.argv[1:])
    port = own_database()
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(folder / "plugins")
    os.environ["HOME"] = str(folder)
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "imagesweep").symlink_to(ROOT)
    server = start_server(port, folder)

    from fiftyone.core.odm import get_db_client

    from tests.plugin.conftest import make_dataset

    dataset = make_dataset("away", photos)
    get_db_client().admin.command("fsync")  # MongoDB's estimated counts are those of its last checkpoint
    seen: dict[str, Any] = {}

    messages = run(dataset, {**SLOW, "max_trials": 9, "name": "at_once", "out": str(folder / "at_once")})
    try:
        for message in messages:
            last = message.body.params
            if server.poll() is None and "rials" in last.get("label", ""):
                server.kill()
                server.wait()
    except Exception as error:
        seen["at_once"] = {"notified": last["message"], "error": str(error), "kind": type(error).__name__}
    seen["form"] = form(dataset)["problem"]["view"]["label"]
    seen["panel"] = panel(dataset)["problem"]["view"]["label"]

    server = start_server(port, folder)
    seen["after_at_once"] = state(dataset)
    for _ in run(dataset, {**SLOW, "max_trials": 9, "name": "at_once", "out": str(folder / "at_once"), "resume": True}):
        pass
    seen["resumed"] = state(dataset)

    later = {**SLOW, "name": "later", "out": str(folder / "later"), "max_trials": 9}
    request = {"dataset_name": dataset.name, "params": later, "request_delegation": True}
    queued = execute(request).result["id"]
    worker = subprocess.Popen(
        [sys.executable, ROOT / "tests" / "plugin" / "worker.py"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while len(list((folder / "later" / ".work").glob("journal-*/*.npz"))) < 2:
        assert worker.poll() is None
        time.sleep(0.1)
    server.kill()
    server.wait()
    assert worker.stdout is not None
    seen["worker"] = next((line for line in worker.stdout if "results are complete" in line), "")
    worker.kill()  # FiftyOne would try for another minute to put the failure on record
    worker.wait()
    server = start_server(port, folder)
    seen["after_later"] = state(dataset)
    seen["shown"] = panel(dataset)["ended"]["view"]
    seen["operation"] = operation(queued)
    print(json.dumps(seen), flush=True)
    server.kill()
    server.wait()


def execute(request: dict[str, Any]) -> Any:
    from fiftyone.operators.executor import execute_or_delegate_operator

    return asyncio.run(execute_or_delegate_operator(f"{URI}/run_experiment", request))


def run(dataset: Any, params: dict[str, Any]) -> Any:
    """The messages of a run at once, as the App receives them."""
    return execute({"dataset_name": dataset.name, "params": params}).result


def form(dataset: Any) -> dict[str, Any]:
    from tests.plugin.conftest import form_of

    return form_of("run_experiment", dataset, {})


def panel(dataset: Any) -> dict[str, Any]:
    import fiftyone.operators as foo

    params = {"panel_id": "panel", "panel_state": {}, "__method__": "on_load"}
    requests = foo.execute_operator(f"{URI}/clustering_experiments", dataset=dataset, params=params).executor.to_json()
    shown = next(one for one in requests["requests"] if one["operator_uri"] == "show_panel_output")
    properties: dict[str, Any] = shown["params"]["output"]["type"]["properties"]
    return properties


def state(dataset: Any) -> dict[str, Any]:
    dataset.reload()
    fields = [name for name in dataset.get_field_schema() if name.startswith("clusters")]
    return {"runs": dataset.list_runs(), "fields": fields, "views": dataset.list_saved_views()}


def operation(found: Any) -> str:
    from fiftyone.operators.delegated import DelegatedOperationService

    return str(DelegatedOperationService().get(found).run_state)


if __name__ == "__main__":
    main()
