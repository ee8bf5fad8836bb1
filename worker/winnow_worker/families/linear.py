"""Matrix products of linear layers on a CPU in fp32."""

from __future__ import annotations

import torch


class WideLinear(torch.nn.Linear):
    """A linear layer by oneDNN, which uses the whole width of AVX-512 on AMD's processors too; MKL, by which PyTorch
    multiplies in fp32, there uses half of it. Where gradients are wanted it is PyTorch's own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            return super().forward(x)
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")


def widen_linear(net: torch.nn.Module) -> None:
    """Let a model's linear layers be `WideLinear` where that is there and of use."""
    wide = torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() == "AVX512"
    if not wide or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return
    for module in net.modules():
        if type(module) is torch.nn.Linear and module.weight.device.type == "cpu":
            if module.weight.dtype == torch.float32:
                module.__class__ = WideLinear
