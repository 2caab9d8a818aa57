"""A problem's f as a function of PyTorch tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from matsense._needs import needs

if TYPE_CHECKING:
    from matsense._problem import Problem

Tensor: TypeAlias = Any  # PyTorch's


def function(problem: Problem) -> Callable[..., Tensor]:
    """Return f as a function of the factor's matrices. `Problem.torch` says more."""
    torch = needs("torch", "torch", "p.torch()")

    class Value(torch.autograd.Function):  # type: ignore[misc, name-defined]
        """f of the factor's matrices, which are the arguments."""

        @staticmethod
        def forward(ctx: Any, *matrices: Tensor) -> Tensor:  # noqa: ANN401 (PyTorch's context)
            factor = matrices[0] if len(matrices) == 1 else matrices
            if any(ctx.needs_input_grad):
                value, gradient = problem.value_and_grad(factor)
                arrays = gradient if isinstance(gradient, tuple) else (gradient,)
                ctx.save_for_backward(
                    *(torch.from_numpy(a).to(m) for a, m in zip(arrays, matrices, strict=True))
                )
            else:
                value = problem.value(factor)
            return torch.from_numpy(np.asarray(value)).to(matrices[0])

        @staticmethod
        @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
        def backward(ctx: Any, weight: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401 (PyTorch's context)
            return tuple(weight[..., None, None] * gradient for gradient in ctx.saved_tensors)

    def f(*factor: Tensor) -> Tensor:
        """Compute f, of which PyTorch can ask the gradient."""
        return Value.apply(*factor)

    return f
