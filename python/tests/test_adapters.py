"""Problems in PyTorch, pymanopt and SciPy, each against its library."""

import contextlib
import io

import documented
import numpy as np
import pytest

import matsense as ms

PSD = dict(n=7, rank=2, measurements=60, entries="f64")
UV = dict(n=6, n2=5, rank=2, measurements=60, entries="f64", parametrization="uv")


class TestTorch:
    """An autograd function."""

    @pytest.fixture(autouse=True)
    def torch(self):
        self.torch = pytest.importorskip("torch")

    @pytest.mark.parametrize("settings", [PSD, UV, {**PSD, "parametrization": "deep", "factor_rank": 3}])
    def test_gradients_by_finite_differences(self, settings):
        with ms.problem(**settings) as p:
            self.torch.manual_seed(1)
            factor = [self.torch.randn(s, dtype=self.torch.float64, requires_grad=True) for s in p.shapes]
            # f is a polynomial whose third derivative is some 10: differences of 1e-6 are off by 1e-11.
            assert self.torch.autograd.gradcheck(p.torch(), factor, eps=1e-6, atol=1e-7, rtol=1e-6)

    def test_stacks(self):
        with ms.problem(**PSD, members=2) as p:
            stack = self.torch.randn(3, 7, 4, dtype=self.torch.float64, requires_grad=True)
            f = p.torch()
            assert self.torch.autograd.gradcheck(f, [stack], eps=1e-6, atol=1e-6, rtol=1e-6)
            values = f(stack)
            assert values.shape == (3,)
            (values * self.torch.tensor([1.0, 2.0, 3.0])).sum().backward()
            for k in range(3):
                want = (k + 1) * p.grad(stack[k])
                np.testing.assert_allclose(stack.grad[k].numpy(), want, rtol=1e-15)

    def test_sgd_is_gradient_descent(self):
        with ms.problem(**PSD) as p:
            f, U = p.torch(), p.start(alpha=0.01)
            tensor = self.torch.tensor(U, requires_grad=True)
            optimizer = self.torch.optim.SGD([tensor], lr=p.step)
            for _ in range(50):
                optimizer.zero_grad()
                f(tensor).backward()
                optimizer.step()
                U -= p.step * p.grad(U)
            # PyTorch may subtract μG with one rounding, NumPy has two.
            np.testing.assert_allclose(tensor.detach().numpy(), U, rtol=0, atol=1e-13)

    def test_other_types_and_arguments(self):
        with ms.problem(**PSD) as p:
            U = self.torch.randn(7, 3, dtype=self.torch.float32, requires_grad=True)
            value = p.torch()(U)
            value.backward()
            assert value.dtype == U.grad.dtype == self.torch.float32
            exact = p.value_and_grad(U)
            assert value.item() == np.float32(exact[0])
            np.testing.assert_array_equal(U.grad.numpy(), exact[1].astype(np.float32))
            np.testing.assert_array_equal(p.grad(U), p.grad(U.detach().numpy()))
            assert not p.torch()(U.detach()).requires_grad
            with pytest.raises(ms.ConfigError, match=r"has shape \(6, 3\), and must have \(7, 7\)"):
                p.torch()(U[:6])


class TestPymanopt:
    """A cost with its gradient."""

    @pytest.fixture(autouse=True)
    def pymanopt(self):
        self.pymanopt = pytest.importorskip("pymanopt")
        pytest.importorskip("matplotlib").use("Agg")
        np.random.seed(1)  # pymanopt draws from it

    def check(self, problem):
        """Run pymanopt's check: the slope of the error of the first-order model is 2."""
        from pymanopt.tools import diagnostics

        # That of pymanopt 2.2.1 takes an array of one number for a number, which NumPy 2.4 refuses.
        diagnostics.identify_linear_piece = straight_piece
        point = problem.manifold.random_point()
        direction = problem.manifold.random_tangent_vector(point)
        slope = diagnostics.check_directional_derivative(problem, point, direction)[3][0]
        assert slope == pytest.approx(2, abs=0.05)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            diagnostics.check_gradient(problem, point, direction)
        residual = float(said.getvalue().split("close to 0: ")[1].split()[0].rstrip("."))
        assert residual < 1e-12

    def test_gradients(self):
        from pymanopt.manifolds import Euclidean, Product, PSDFixedRank, Stiefel

        with ms.problem(**PSD) as p:
            self.check(p.pymanopt())
            self.check(p.pymanopt(PSDFixedRank(7, 2)))
            self.check(p.pymanopt(Stiefel(7, 3)))
        with ms.problem(**UV) as p:
            self.check(p.pymanopt())
            self.check(p.pymanopt(Product([Stiefel(6, 2), Euclidean(5, 2)])))

    def test_solvers_recover_the_truth(self):
        from pymanopt.manifolds import Euclidean, Product, PSDFixedRank
        from pymanopt.optimizers import ConjugateGradient

        optimizer = ConjugateGradient(verbosity=0, max_iterations=500, min_gradient_norm=1e-9)
        with ms.problem(**{**PSD, "measurements": 150}) as p:
            U = optimizer.run(
                p.pymanopt(PSDFixedRank(7, 2)), initial_point=p.start(factor_rank=2, alpha=1.0)
            ).point
            assert p.metrics(U)["test_error"] < 1e-7
            X = documented.truth(1, 7, 2, 1.0)
            np.testing.assert_allclose(U @ U.T, X @ X.T, atol=1e-6)
        with ms.problem(**{**UV, "measurements": 150}) as p:
            start = list(p.start(factor_rank=2, alpha=1.0))
            manifold = Product([Euclidean(6, 2), Euclidean(5, 2)])
            U, V = optimizer.run(p.pymanopt(manifold), initial_point=start).point
            assert p.metrics((U, V))["test_error"] < 1e-6

    def test_one_pass_for_value_and_gradient(self):
        with ms.problem(**PSD) as p:
            problem = p.pymanopt()
            U = problem.manifold.random_point()
            want = p.value_and_grad(U)
            before = p._server._last
            assert problem.cost(U) == want[0]
            gradient = problem.euclidean_gradient(U)
            np.testing.assert_array_equal(gradient, want[1])
            gradient[...] = 0
            np.testing.assert_array_equal(problem.euclidean_gradient(U), want[1])
            assert p._server._last == before + 1
            U[0, 0] += 1
            assert problem.cost(U) == p.value_and_grad(U)[0]


def straight_piece(x, y, length):
    """The piece of so many points that is nearest to a straight line, and the line."""
    fits = [
        np.polyfit(x[k : k + length], y[k : k + length], 1, full=True) for k in range(len(x) - length + 1)
    ]
    best = min(range(len(fits)), key=lambda k: float(fits[k][1][0]))
    return np.arange(best, best + length), fits[best][0]


class TestLinearOperator:
    """The measurements as a matrix that is never formed."""

    @pytest.fixture(autouse=True)
    def scipy(self):
        pytest.importorskip("scipy")

    @pytest.mark.parametrize(
        "settings",
        [
            PSD,
            UV,
            {**PSD, "ensemble": "completion", "measurements": 11, "entries": None},
            {**UV, "ensemble": "rank-one", "entries": None},
        ],
    )
    def test_it_is_the_dense_matrix(self, settings):
        from scipy.sparse.linalg import lsqr, svds

        with ms.problem(**settings) as p:
            A = p.linear_operator()
            m, size = A.shape
            assert A.shape == (p.measurements, p.n * p.n2)
            assert A.dtype == np.float64
            columns = A.matmat(np.eye(size))
            ensemble = settings.get("ensemble", "gaussian")
            n2 = None if p.symmetric else p.n2
            rows = documented.matrices(ensemble, "f64", 1, p.measurements, p.n, n2).reshape(m, size)
            np.testing.assert_allclose(columns, rows, rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(A.rmatmat(np.eye(m)), rows.T, rtol=1e-12, atol=1e-13)

            rng = np.random.default_rng(1)
            z, w = rng.standard_normal(size), rng.standard_normal(m)
            assert w @ (A @ z) == pytest.approx((A.T @ w) @ z, rel=1e-12)

            largest = svds(A, k=3, return_singular_vectors=False, random_state=1)
            np.testing.assert_allclose(np.sort(largest)[::-1], np.linalg.svd(rows)[1][:3], rtol=1e-9)

            # Of all solutions, lsqr finds that of the least norm, as the pseudoinverse does.
            found = lsqr(A, p.observations, atol=1e-14, btol=1e-14, iter_lim=1000)[0]
            np.testing.assert_allclose(found, np.linalg.pinv(rows) @ p.observations, atol=1e-8)


def test_missing_packages(monkeypatch):
    import sys

    for module in ("torch", "pymanopt", "scipy.sparse.linalg"):
        monkeypatch.setitem(sys.modules, module, None)
    with ms.problem(**PSD) as p:
        for adapter, package in ((p.torch, "torch"), (p.pymanopt, "pymanopt"), (p.linear_operator, "scipy")):
            with pytest.raises(ms.Error, match=rf"needs {package}, .*: pip install {package}$"):
                adapter()
