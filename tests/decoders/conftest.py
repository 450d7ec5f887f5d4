"""The measurement is a program of its own (`python tests/decoders`); what it measures is tested like any other."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
