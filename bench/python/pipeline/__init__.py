"""A straightforward Python pipeline that does the work of `deepspine analyze` and publishes the report: what the appliance is compared with.

pydicom, numpy, scipy, Pillow, onnxruntime, paho-mqtt; the same networks, the same steps before and after them. A module a stage, in the order
of src/analysis/study.rs. What training shares with the appliance already is imported from models/training.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "models/training"))
