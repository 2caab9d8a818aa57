"""The gradient steps that torch_step.py times, for each ensemble, as a user would write them in PyTorch.

f(U) = 1/(4m) Σ_k (⟨A_k, UUᵀ⟩ − y_k)² with a factor U of n × r. Each step is U − μ ∇f(U), for B factors
that share the measurements:

- rows: the A_k are one dense array of m × n² numbers. A step has two products with this array:
  matrix-vector products for one factor, matrix products for several.
- completion: m entries of a symmetric matrix are observed. "gather" gathers two rows of U for each observed
  entry (i, j) with i ≤ j, and adds their products with the residual to rows of the gradient by index_add_.
  "sampled_addmm" computes the residuals on both sides of the diagonal by torch.sparse.sampled_addmm on a CSR
  matrix, and multiplies this matrix by U, for one factor after another.
- rank-one: A_k = a_k a_kᵀ, where a_k is row k of an m × n array. A step has two products with this array.
"""

import warnings

MU = 0.1


class Form:
    """One way to write a step. step takes the factors in its own layout: pack makes it from B × n × r
    numbers, and unpack is the inverse of pack."""

    def __init__(self, name, step, pack=lambda U: U, unpack=lambda U: U, compiles=True):
        self.name, self.step, self.pack, self.unpack, self.compiles = name, step, pack, unpack, compiles


def side_by_side(U):
    """n × B × r from B × n × r, or the other way round."""
    return U.transpose(0, 1).contiguous()


class Rows:
    """Dense matrices. A has vec(A_k) as row k."""

    names = ["eager", "compiled"]

    def __init__(self, torch, device, dtype, n, m):
        self.n, self.m = n, m
        self.A = torch.empty(m, n * n, device=device, dtype=dtype)
        pieces = max(1, 2**27 // (n * n))  # rows of at most 1 GiB, so that no second A is needed
        for k in range(0, m, pieces):
            self.A[k:k + pieces].normal_()
        if m * n * n < 2**20:  # for the check; symmetry does not affect the time
            A = self.A.reshape(m, n, n)
            self.A = ((A + A.transpose(1, 2)) / 2).reshape(m, -1)
        self.y = torch.randn(m, device=device, dtype=dtype)
        self.forms = [Form("", self.step)]

    @staticmethod
    def numbers(n, m, r, batch):
        """How many numbers the data has, and how many of them a step reads."""
        return m * n * n, 2 * m * n * n

    def step(self, U):
        batch, n, _ = U.shape
        if batch == 1:
            u = U[0]
            residuals = self.A @ (u @ u.T).reshape(-1) - self.y
            G = (self.A.T @ residuals).reshape(n, n) / self.m
            return (u - MU * (G @ u))[None]
        residuals = self.A @ (U @ U.transpose(1, 2)).reshape(batch, -1).T - self.y[:, None]
        G = (self.A.T @ residuals).T.reshape(batch, n, n) / self.m
        return U - MU * (G @ U)

    def dense(self, torch):
        """All A_k, m × n × n, and y."""
        return self.A.reshape(self.m, self.n, self.n), self.y


class Completion:
    """Observed entries (i, j), i ≤ j, of a symmetric matrix. p is their share of all entries."""

    names = ["gather-eager", "gather-compiled", "sampled_addmm-eager"]

    def __init__(self, torch, device, dtype, n, m):
        self.torch, self.n, self.m = torch, n, m
        self.p = m / (n * (n + 1) / 2)
        self.i, self.j = self.positions(n, m, device)
        self.values = torch.randn(m, device=device, dtype=dtype)
        self.off = (self.i != self.j).to(dtype)
        self.negative = self.both_sides(self.i, self.j, -self.values)
        self.forms = [
            Form("gather", self.gather, side_by_side, side_by_side),
            # torch.compile leaves sparse matrices to eager mode
            Form("sampled_addmm", self.sampled, lambda U: list(U.unbind()), torch.stack, compiles=False),
        ]

    def positions(self, n, m, device):
        """m different positions, sorted by rows."""
        torch = self.torch
        keys = torch.empty(0, device=device, dtype=torch.int64)
        while len(keys) < m:
            i, j = torch.randint(n, (2, max(64, int(1.1 * (m - len(keys))))), device=device)
            fresh = torch.minimum(i, j) * n + torch.maximum(i, j)
            keys = torch.unique(torch.cat([keys, fresh]))
        keys = keys[torch.randperm(len(keys), device=device)[:m]].sort().values
        return keys // n, keys % n

    def both_sides(self, i, j, values):
        """A CSR matrix with the values on both sides of the diagonal."""
        torch, off = self.torch, i != j
        rows, columns = torch.cat([i, j[off]]), torch.cat([j, i[off]])
        order = (rows * self.n + columns).argsort()
        starts = torch.searchsorted(rows[order], torch.arange(self.n + 1, device=rows.device))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sparse matrices are "in beta state"
            return torch.sparse_csr_tensor(starts.int(), columns[order].int(),
                                           torch.cat([values, values[off]])[order], (self.n, self.n))

    @staticmethod
    def numbers(n, m, r, batch):
        """How many numbers the data has, counting an index as two, and how many numbers of U a step gathers:
        two rows for each entry on both sides of the diagonal."""
        return 12 * m, 4 * m * r * batch

    def gather(self, U):
        L, R = U[self.i], U[self.j]
        residuals = ((L * R).sum(-1) - self.values[:, None])[..., None]
        G = self.torch.zeros_like(U)
        G.index_add_(0, self.i, residuals * R)
        G.index_add_(0, self.j, residuals * self.off[:, None, None] * L)
        return U - MU / self.p * G

    def sampled(self, factors):
        stepped = []
        for U in factors:
            E = self.torch.sparse.sampled_addmm(self.negative, U, U.T)  # UUᵀ − M where M is observed
            stepped.append(U - MU / self.p * (E @ U))
        return stepped

    def dense(self, torch):
        """All A_k, m × n × n, and y. ⟨A_k, Z⟩ is √K Z_ii or √(2K) Z_ij, so that ∇f = 1/p P_Ω(UUᵀ − M) U."""
        A = torch.zeros(self.m, self.n, self.n, device=self.i.device, dtype=self.values.dtype)
        K, k = self.n * (self.n + 1) / 2, torch.arange(self.m, device=self.i.device)
        scale = (K * (1 + self.off)).sqrt()
        A[k, self.i, self.j] = scale / 2
        A[k, self.j, self.i] += scale / 2
        return A, scale * self.values


class RankOne:
    """A_k = a_k a_kᵀ. A has a_k as row k."""

    names = ["eager", "compiled"]

    def __init__(self, torch, device, dtype, n, m):
        self.m = m
        self.A = torch.randn(m, n, device=device, dtype=dtype)
        self.y = torch.randn(m, device=device, dtype=dtype) ** 2
        self.forms = [Form("", self.step, side_by_side, side_by_side)]

    @staticmethod
    def numbers(n, m, r, batch):
        """How many numbers the data has, and how many of them a step reads."""
        return m * n, 2 * m * n

    def step(self, U):
        P = (self.A @ U.reshape(len(U), -1)).reshape(self.m, *U.shape[1:])
        residuals = P.square().sum(-1, keepdim=True) - self.y[:, None, None]
        G = (self.A.T @ (residuals * P).reshape(self.m, -1)).reshape(U.shape)
        return U - MU / self.m * G

    def dense(self, torch):
        """All A_k, m × n × n, and y."""
        return self.A[:, :, None] * self.A[:, None, :], self.y


ENSEMBLES = {"rows": Rows, "completion": Completion, "rank-one": RankOne}
