"""The fault matrix is a program of its own (`python tests/chaos`); its judgement is tested like anything else."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
