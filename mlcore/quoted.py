"""Figures that others published on TTStroke-21, quoted, never computed; shares 0..1.

Sources: SPLIT: Martin et al., Three-Stream 3D/1D CNN, MMSports 2021 (arXiv 2109.14306), table 1, the shared split of ICPR 2020 (230 validation,
118 test strokes). CLIPS, DETECTION_22: the leaderboards of the MediaEval Sports Video tasks 2022 and 2023 (overview: arXiv 2301.13576).
CLIPS_21, DETECTION_21: the task's page of 2021; its detection measure differs from the one of 2022, the figures cannot be compared.
"""

from __future__ import annotations

SPLIT = (  # network, train, validation, test; † with attention
    ("RGB + Flow I3D", 0.992, 0.762, 0.759),
    ("Twin", 0.99, 0.861, 0.819),
    ("Twin †", 0.973, 0.878, 0.873),
    ("RGB †", 0.969, 0.883, 0.856),
    ("Three streams, † on RGB and flow", 0.97, 0.90, 0.873),
)
DECISIONS = (  # MediaEval 2022 baseline; no window, vote, mean, Gaussian
    ("MediaEval 2022 baseline V1", 0.847, 0.839, 0.856, 0.856),
    ("MediaEval 2022 baseline V2", 0.856, 0.822, 0.831, 0.864),
)
CLIPS = (  # overall, hand, type, type and hand; None: not given
    ("MediaEval 2022 baseline", 0.864, 0.907, 0.932, 0.907),
    ("MediaEval 2022 Uni Leipzig", 0.873, 0.975, 0.966, 0.966),
    ("MediaEval 2023 NathanSadoun", 0.814, None, None, None),
    ("MediaEval 2023 SSN-SVJ", 0.814, None, None, None),
    ("MediaEval 2023 MMSys-SDNU", 0.746, None, None, None),
)
CLIPS_21 = (
    ("MediaEval 2021 baseline", 0.204, None, None, None),
    ("MediaEval 2021 INF (Video Swin-B, pre-trained)", 0.742, None, None, None),
    ("MediaEval 2021 SELAB-HCMUS", 0.688, None, None, None),
    ("MediaEval 2021 SSNCSE", 0.0995, None, None, None),
)
DETECTION_22 = (  # global IoU, mAP
    ("MediaEval 2022 baseline (V1, sliding vote)", 0.515, 0.131),
    ("MediaEval 2022 Uni Leipzig", 0.349, 0.110),
)
DETECTION_21 = (
    ("MediaEval 2021 baseline, measure of 2021", 0.144, 0.0173),
    ("MediaEval 2021 QuantEx, measure of 2021", 0.070, 0.00124),
    ("MediaEval 2021 SSNCSE, measure of 2021", 0.247, 0.000525),
)
