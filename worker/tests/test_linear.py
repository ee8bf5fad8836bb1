"""Linear layers by oneDNN: the numbers of PyTorch's own, and its gradients."""

from __future__ import annotations

import pytest
import torch

from winnow_worker.families.linear import WideLinear, widen_linear


def net(bias: bool, dtype: torch.dtype = torch.float32) -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(24, 40, bias=bias, dtype=dtype))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 24), (2, 3, 24), (0, 24)])
def test_products_are_those_of_pytorch(bias: bool, shape: tuple[int, ...]) -> None:
    plain, wide, x = net(bias), net(bias), torch.randn(shape)
    widen_linear(wide)
    with torch.inference_mode():
        torch.testing.assert_close(wide(x), plain(x), atol=1e-5, rtol=1e-5)
        if len(shape) == 3:
            across = x.transpose(0, 1)
            torch.testing.assert_close(wide(across), plain(across), atol=1e-5, rtol=1e-5)


def test_gradients_and_half_precision_are_left_to_pytorch() -> None:
    plain, wide, x = net(True), net(True), torch.randn(4, 24)
    widen_linear(wide)
    for one in (plain, wide):
        one(x).square().sum().backward()
    torch.testing.assert_close(wide[0].weight.grad, plain[0].weight.grad)
    half = net(True, torch.bfloat16)
    widen_linear(half)
    assert not isinstance(half[0], WideLinear)
