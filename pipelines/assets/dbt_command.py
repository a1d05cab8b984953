"""dbt's command line over a project that was parsed before: `python -m … PARSED build …`.

Belongs here: what stands in for `dbt` where its own parsing would be done again for every new file and every new
clock. The first argument is the project as dbt keeps it after parsing (`partial_parse.msgpack`), the others are dbt's;
output and exit status are those of dbt. Not here: what is built, and Dagster.
"""

import sys
from pathlib import Path

from dbt.cli.main import cli
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumuro_decoder


def parsed_project(kept: bytes) -> Manifest:
    """The project as dbt keeps it after parsing, by the same version of dbt."""
    return Manifest.from_msgpack(kept, decoder=extended_mashumuro_decoder)


if __name__ == "__main__":
    parsed, *arguments = sys.argv[1:]
    cli(arguments, prog_name="dbt", obj={"manifest": parsed_project(Path(parsed).read_bytes())})
