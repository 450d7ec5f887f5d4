"""The fuzzer is a program of its own (`python tests/fuzz`); its targets and samples are tried by the tests as well."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
