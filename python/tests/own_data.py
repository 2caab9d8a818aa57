"""A user's own problem, and gradient descent on it as a plain loop. Nothing here uses matsense."""

import numpy as np

N, RANK, M = 8, 2, 40


def problem(seed=0, kind="float64"):
    """Symmetric A (m, n, n), y, X and U0; all are multiples of 1/64 but y, or small whole numbers."""
    random = np.random.default_rng(seed)
    if kind == "float64":
        A = np.round(64 * random.normal(size=(M, N, N))) / 64
    else:
        A = random.integers(0, 2 if kind == "bool" else 3, size=(M, N, N)).astype(np.float64)
    A = np.triu(A) + np.triu(A, 1).transpose(0, 2, 1)
    X = random.integers(-8, 9, size=(N, RANK)) / 32
    U0 = random.integers(-8, 9, size=(N, 3)) / 64
    return A, np.einsum("mij,ij->m", A, X @ X.T), X, U0


def descend(A, y, U, step, iterations):
    """Gradient descent on f(U) = 1/(4m) Σ (⟨A_i, UUᵀ⟩ − y_i)²."""
    U = U.copy()
    for _ in range(iterations):
        residuals = np.einsum("mij,ij->m", A, U @ U.T) - y
        U -= step * np.einsum("m,mij->ij", residuals, A) @ U / len(y)
    return U


def loss(A, y, U):
    """f(U)."""
    return np.sum((np.einsum("mij,ij->m", A, U @ U.T) - y) ** 2) / (4 * len(y))


def complete(rows, columns, values, U, V, step, iterations):
    """Gradient descent from observed entries with UVᵀ, as docs/completion.md and docs/methods.md define it.

    G = 1/p · P_Ω(UVᵀ − M) with p = m/(n·n2), ∂f/∂U = ½·G·V and ∂f/∂V = ½·Gᵀ·U.
    """
    U, V = U.copy(), V.copy()
    share = len(values) / (len(U) * len(V))
    for _ in range(iterations):
        G = np.zeros((len(U), len(V)))
        G[rows, columns] = ((U @ V.T)[rows, columns] - values) / share
        U, V = U - step / 2 * G @ V, V - step / 2 * G.T @ U
    return U, V
