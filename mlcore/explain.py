"""Where in the clip a class is seen: Grad-CAM on the last stage of each branch, over time and place.

Grad-CAM (Selvaraju et al., ICCV 2017) weighs the maps of the last convolution stage by the gradient of the class's logit. Here the layer
above has its own weight for every place and moment, so gradients are not averaged over them first: activation times gradient is
summed over channels, place by place (HiResCAM, Draelos and Carin, arXiv 2011.08891). What it shows is then what the logit is made
of: in a branch without biases above the stage the contributions sum up to the logit itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mlcore.networks import Net

Floats = NDArray[np.float32]


def contributions(net: Net, inputs: Mapping[str, Floats], target: int, device: torch.device) -> dict[str, Tensor]:
    """What each cell of the last stage adds to (or takes from) the logit of class `target`, signed: {"RGB": (t, h, w), "Flow": (t, h, w),
    "Pose": (t,)} for the streams of `net`. `inputs`: one clip, {"RGB": (3, T, H, W), "Flow": (2, T, H, W), "Pose": (C, T)}."""
    net.eval()
    with torch.no_grad():
        stages = [net.features(torch.from_numpy(np.ascontiguousarray(inputs[s][None])).to(device), s) for s in net.streams]
    with torch.enable_grad():
        stages = [stage.float().requires_grad_() for stage in stages]
        logit = net.head([net.vector(stage, s) for stage, s in zip(stages, net.streams)])[0, target]
        gradients = torch.autograd.grad(logit, stages)
    return {s: (stage.detach() * gradient)[0].sum(0).cpu() for s, stage, gradient in zip(net.streams, stages, gradients)}


def gradcam(net: Net, inputs: Mapping[str, Floats], target: int, device: torch.device) -> dict[str, Floats]:
    """Where the clip speaks for class `target`, 0..1 at the clip's size, {"RGB": (T, H, W), ...} and {"Pose": (T, 1, 1)}. Each branch to
    its own greatest value; all 0 where nothing speaks for it."""
    out = {}
    for stream, cells in contributions(net, inputs, target, device).items():
        volume = cells.clamp(min=0).reshape(1, 1, *cells.shape, *[1] * (3 - cells.dim()))
        size = (*inputs[stream].shape[1:], 1, 1)[:3]
        heat = F.interpolate(volume, size, mode="trilinear", align_corners=False)[0, 0]
        out[stream] = (heat / heat.max().clamp(min=1e-12)).numpy()
    return out


def over_time(heat_THW: Floats) -> Floats:
    """(T,) how much of the heat lies in each picture, the greatest 1."""
    sums = heat_THW.sum((1, 2))
    return np.asarray(sums / max(float(sums.max(initial=0.0)), 1e-12), np.float32)
