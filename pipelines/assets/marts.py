"""The dbt project as Dagster assets: seeds, staging, intermediate and marts, built and tested once a run.

Belongs here: the manifest, the names of dbt's nodes in Dagster, and the one dbt invocation of a run.
Not here: SQL.
"""

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    dbt_assets,
)
from filelock import FileLock
from packaging.version import Version

from pipelines.assets.feeds import WRITER_POOL
from pipelines.assets.sources import write_sources
from pipelines.runtime import Runtime
from pipelines.settings import ROOT
from pipelines.warehouse.errors import NothingToBuild

log = logging.getLogger("outcrop.marts")

PROJECT_DIR = ROOT / "dbt_project"
DBT = Path(sys.executable).parent / "dbt"
LINKED = ("dbt_project.yml", "macros", "models", "profiles.yml", "tests")
PROJECT_FILES = ("*.sql", "*.yml", "*.csv")
PARSED = PROJECT_DIR / "target" / "partial_parse.msgpack"
"""The project as dbt keeps it after parsing: `ready_manifest` sees that it is there and up to date."""


class Names(DagsterDbtTranslator):
    """dbt nodes keep their schema as prefix, so that the graph reads raw → feeds → staging → … → marts."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        return super().get_group_name(dbt_resource_props)


class Dbt(DbtCliResource):
    """dbt's command line, run without asking anybody for its version: `dbt --version` looks for newer ones online."""

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))


def ready_manifest() -> Path:
    """The project's manifest, parsed anew only where a file of the project has changed."""
    write_sources()
    target = PROJECT_DIR / "target"
    target.mkdir(exist_ok=True)
    manifest, key_file = target / "manifest.json", target / "manifest.key"
    key = _project_key()
    with FileLock(target / "manifest.lock"):
        if not (manifest.exists() and PARSED.exists() and key_file.exists() and key_file.read_text() == key):
            command = [os.fspath(DBT), "--quiet", "parse", "--project-dir", os.fspath(PROJECT_DIR)]
            subprocess.run([*command, "--profiles-dir", os.fspath(PROJECT_DIR)], cwd=PROJECT_DIR, check=True)
            key_file.write_text(key)
    return manifest


def _project_key() -> str:
    digest = hashlib.sha256(" ".join(version(package) for package in ("dbt-core", "dbt-duckdb")).encode())
    files = (file for pattern in PROJECT_FILES for file in PROJECT_DIR.rglob(pattern))
    for file in sorted(file for file in files if "target" not in file.relative_to(PROJECT_DIR).parts):
        digest.update(os.fspath(file.relative_to(PROJECT_DIR)).encode() + file.read_bytes())
    return digest.hexdigest()


def dbt_resource(project: Path = PROJECT_DIR) -> Dbt:
    """dbt for a project; that of the checkout is parsed already (dbt_command.py), another one it parses itself."""
    is_parsed = project == PROJECT_DIR
    words = ["-P", "-m", "pipelines.assets.dbt_command", os.fspath(PARSED)] if is_parsed else []
    return Dbt(
        project_dir=os.fspath(project),
        profiles_dir=os.fspath(PROJECT_DIR),
        dbt_executable=sys.executable if is_parsed else os.fspath(DBT),
        global_config_flags=[*words, "--no-use-colors"],
    )


def project_dir(runtime: Runtime) -> Path:
    """The project that dbt runs: the checkout's, or, where the settings name other seeds, links to it with those.

    dbt writes compiled seeds to its target folder under the path of `seed-paths`, so that path must stay inside
    the project: an absolute one would overwrite the seeds themselves.
    """
    if runtime.settings.seeds.resolve() == PROJECT_DIR / "seeds":
        return PROJECT_DIR
    linked = runtime.home.build.parent / "dbt_project"
    shutil.rmtree(linked, ignore_errors=True)
    linked.mkdir(parents=True)
    for name in LINKED:
        (linked / name).symlink_to(PROJECT_DIR / name)
    (linked / "seeds").symlink_to(runtime.settings.seeds.resolve())
    return linked


def build_vars(runtime: Runtime) -> dict[str, str | None]:
    """What the models are told: the one clock, and the days that the marts show."""
    first, last = runtime.window_to_show
    return {
        "as_of": f"{runtime.as_of():%Y-%m-%d %H:%M:%S.%f}",
        "window_first": first.isoformat() if first else None,
        "window_last": last.isoformat() if last else None,
    }


def mart_assets() -> dg.AssetsDefinition:
    """Everything that dbt builds, as one step: `dbt build` once a run.

    No `project` is given here: dagster-dbt would prefer it to the folder that the resource of the run names.
    """

    @dbt_assets(
        manifest=ready_manifest(),
        dagster_dbt_translator=Names(settings=DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True)),
        name="dbt_build",
        pool=WRITER_POOL,
    )
    def dbt_build(context: dg.AssetExecutionContext, dbt: Dbt, runtime: dg.ResourceParam[Runtime]) -> Iterator[Any]:
        if runtime.warehouse.rows() == 0:
            raise NothingToBuild(
                "No feed has a single row, so there is nothing to build; a file published before stands.\n"
                "See which answers there are: outcrop archive ls"
            )
        log.info("dbt: building and testing the marts, as of %s UTC", runtime.as_of())
        (runtime.home.dbt_target / "run_results.json").unlink(missing_ok=True)
        os.environ["OUTCROP_BUILD_FILE"] = os.fspath(runtime.home.build)
        arguments = [
            "build",
            "--exclude-resource-type",
            "unit_test",
            "--vars",
            json.dumps(build_vars(runtime)),
        ]
        project = project_dir(runtime)
        command = dbt if project == PROJECT_DIR else dbt_resource(project)
        yield from command.cli(arguments, context=context, target_path=runtime.home.dbt_target).stream()

    return dbt_build
