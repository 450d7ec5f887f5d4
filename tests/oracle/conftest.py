"""The oracle is a program of its own (`python tests/oracle`); its pure parts are tested like any other."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
