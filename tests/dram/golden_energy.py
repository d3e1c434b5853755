"""Command traces priced by DRAMPower 6.2: its devices, its commands and what it says they cost."""

import gzip
import json
from pathlib import Path

FILE = Path(__file__).parent / "golden" / "drampower.json.gz"
CASES = json.loads(gzip.decompress(FILE.read_bytes()))["cases"]


def write_case(name, folder):
    """Write trace and memspec of a case; returns both paths."""
    case = CASES[name]
    trace, spec = folder / f"{name}.csv", folder / f"{name}.json"
    trace.write_text("\n".join(case["trace"]) + "\n")
    spec.write_text(json.dumps({"memspec": case["memspec"]}))
    return trace, spec
