"""The report as JSON, close to deepspine.report/1 (src/export/report)."""

import hashlib
import hmac
import json
from datetime import datetime, timezone

import numpy as np

SCHEMA = "deepspine.report/1"
KEY = bytes(32)
CURVE_POINTS_MAX, AXIAL_MAX = 24, 12
NOTICE = "Not a diagnosis. Made by the Python pipeline that the appliance is compared with."


def keyed(kind, text):
    return hmac.new(KEY, f"{kind}\n{text}".encode(), hashlib.sha256).hexdigest()[:32]


def rounded(value, decimals=1):
    return None if value is None else [rounded(v, decimals) for v in value] if np.ndim(value) else round(float(value), decimals) + 0.0


def measurements(values):
    return {name: rounded(v, 2 if name.endswith(("ratio", "index")) else 1) for name, v in values.items()}


def named(thing):
    found = {
        "name": thing["name"] or "unknown", "ordinal_from_below": thing["ordinal_from_below"], "confidence": rounded(thing["confidence"], 2),
        "measurements": measurements(thing["measurements"]),
    }
    sd = {name: rounded(v, 2) for name, v in thing.get("measurement_sd", {}).items()}
    return found | ({"measurement_sd": sd} if sd else {})


def level(of):
    plane = of["plane"]
    nearest = sorted(of["axial"], key=lambda a: abs(a["distance_mm"]))[:AXIAL_MAX]
    return named(of) | {
        "plane": {
            "centre_lps_mm": rounded(plane["centre_lps_mm"]), "normal_lps": rounded(plane["normal_lps"], 4),
            "anterior_lps": rounded(plane["anterior_lps"], 4), "depth_mm": rounded(plane["depth_mm"]),
        },
        "axial": [a | {"distance_mm": rounded(a["distance_mm"]), "angle_deg": rounded(a["angle_deg"])} for a in nearest],
        "grades": [g | {"probabilities": rounded(g["probabilities"], 3)} for g in of["grades"]],
    }


def series(of):
    volume = of.largest
    return {
        "role": of.role, "confidence": rounded(of.confidence, 2), "slices": sum(len(b.origins) for b in of.blocks), "blocks": len(of.blocks),
        "rows": volume.shape[0], "columns": volume.shape[1], "row_spacing_mm": rounded(volume.spacing_mm[0], 4),
        "column_spacing_mm": rounded(volume.spacing_mm[1], 4), "slice_spacing_mm": rounded(volume.spacing_between_mm(), 4),
    }


def build(study, networks, spine, refusal, digests, timings):
    entries = [entry for entry, _ in networks.entries]
    models = [{k: entry[k] for k in ("name", "version", "sha256", "terms")} for entry in entries]
    identity = "\n".join([f"{m['name']} {m['version']} {m['sha256']}" for m in models] + sorted(f"{uid} {digest}" for uid, digest in digests))
    document = {
        "schema": SCHEMA, "report_id": keyed("report", identity), "revision": 1, "study_key": keyed("study", study.uid),
        "produced_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "notice": NOTICE, "not_cleared": [m["name"] for m in models],
        "models": models, "series": [series(s) for s in study.series], "refusal": refusal, "curve": None, "vertebrae": [], "levels": [], "lumbar": None,
        "quality": [], "timings": [{"stage": stage, "wall_ms": rounded(ms)} for stage, ms in timings],
    }
    if spine:
        points = spine.curve_lps_mm[np.linspace(0, len(spine.curve_lps_mm) - 1, min(CURVE_POINTS_MAX, len(spine.curve_lps_mm))).astype(int)]
        document |= {
            "curve": {"residual_mm": rounded(spine.residual_mm, 2), "rejected_parts": spine.rejected, "points_lps_mm": rounded(points)},
            "vertebrae": [named(v) | {"centre_lps_mm": rounded(v["centre_lps_mm"])} for v in spine.vertebrae],
            "levels": [level(of) for of in spine.levels],
            "lumbar": measurements(spine.lumbar["measurements"]), "quality": spine.quality,
        }
    return document


def as_json(document, indent=None):
    return json.dumps(document, indent=indent)
