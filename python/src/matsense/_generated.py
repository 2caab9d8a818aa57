"""The functions whose keywords are the settings of the catalog.

This file is generated from the command's catalog: `go generate ./cmd/matsense` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from matsense import _experiments, _problem
from matsense._problem import Problem
from matsense._run import Run
from matsense._types import Data, ObservedEntries, Path, PauliWords

SingularVectors: TypeAlias = Literal["uniform", "signs"]
Ensemble: TypeAlias = Literal["gaussian", "rademacher", "completion", "relu-completion", "pauli", "rank-one"]
Entries: TypeAlias = Literal["f64", "f32", "bf16", "q8", "sign"]
Observation: TypeAlias = Literal["linear", "single-index", "multi-index"]
Link: TypeAlias = Literal[
    "identity",
    "tanh",
    "sign",
    "square-root",
    "cubic",
    "norm",
    "quadratic",
    "product",
    "sign-product",
]
LinkScale: TypeAlias = Literal["known", "unknown"]
Covariates: TypeAlias = Literal["gaussian", "student", "laplace"]
Preprocessing: TypeAlias = Literal["none", "trim", "optimal"]
Loss: TypeAlias = Literal["squared", "l1", "huber"]
Parametrization: TypeAlias = Literal["psd", "uv", "deep", "indefinite", "polar", "sparse"]
Init: TypeAlias = Literal["random", "spectral", "relu-spectral", "saddle", "ones"]
Method: TypeAlias = Literal[
    "gd",
    "polyak-gd",
    "imbalanced-gd",
    "scaled-gd",
    "scaled-subgradient",
    "scaled-gd-lambda",
    "opsa",
    "prec-gd",
    "apgd",
    "altmin",
    "weight-normalization",
    "mirror-descent",
    "momentum",
    "nesterov",
    "adam",
    "sgd",
    "rgd",
    "rsgd",
    "label-noise-gd",
    "zeroth-order",
    "zeroth-order-newton",
    "rgda",
    "none",
]
Retraction: TypeAlias = Literal["factor", "second-order", "projection", "exponential"]
Keep: TypeAlias = Literal["last", "best"]
SingularValues: TypeAlias = Literal["auto", "all"]
Device: TypeAlias = Literal["auto", "cpu", "cuda", "emulator"]
Storage: TypeAlias = Literal["auto", "memory", "generated"]
Precision: TypeAlias = Literal["f64", "mixed", "f32", "auto"]
Simd: TypeAlias = Literal["auto", "avx512", "avx2", "neon", "off"]


def run(
    *,
    n: int | None = None,
    n2: int | None = None,
    rank: int | None = None,
    negative: int | None = None,
    sparsity: int | None = None,
    kappa: float | None = None,
    spectrum: str | None = None,
    singular_vectors: SingularVectors | None = None,
    measurements: int | None = None,
    ensemble: Ensemble | str | None = None,
    entries: Entries | ObservedEntries | None = None,
    relu_threshold: float | None = None,
    observation: Observation | None = None,
    link: Link | None = None,
    link_scale: LinkScale | None = None,
    covariates: Covariates | None = None,
    truncation: float | None = None,
    preprocessing: Preprocessing | None = None,
    noise: float | None = None,
    snr: float | None = None,
    outliers: float | None = None,
    outlier_size: float | None = None,
    loss: Loss | None = None,
    huber_threshold: float | None = None,
    hold_out: float | None = None,
    seed: int | None = None,
    matrices: Data | None = None,
    triplets: Path | ObservedEntries | None = None,
    triplets_base: int | None = None,
    test_triplets: Path | ObservedEntries | None = None,
    vectors: Data | None = None,
    vectors_right: Data | None = None,
    paulis: Path | PauliWords | None = None,
    observations: Data | None = None,
    expectations: Data | None = None,
    truth: Data | None = None,
    truth_right: Data | None = None,
    parametrization: Parametrization | None = None,
    factor_rank: int | None = None,
    depth: int | None = None,
    init: Init | Data | None = None,
    init_right: Data | None = None,
    alpha: float | None = None,
    alpha_right: float | None = None,
    start_imbalance: float | None = None,
    start_seed: int | None = None,
    method: Method | str | None = None,
    step: float | None = None,
    step_decay: str | None = None,
    retraction: Retraction | None = None,
    lambda_: float | None = None,
    momentum: float | None = None,
    beta1: float | None = None,
    beta2: float | None = None,
    epsilon: float | None = None,
    optimal_value: float | None = None,
    imbalance_scale: float | None = None,
    imbalance_below: float | None = None,
    inner_tolerance: float | None = None,
    inner_iterations: int | None = None,
    batch_size: int | None = None,
    label_noise: float | None = None,
    directions: int | None = None,
    radius: float | None = None,
    evaluation_noise: float | None = None,
    bootstrap_steps: int | None = None,
    hessian_radius: float | None = None,
    least_curvature: float | None = None,
    adversary_step: float | None = None,
    adversary_weight: float | None = None,
    adversary_radius: float | None = None,
    magnitude_step: float | None = None,
    method_seed: int | None = None,
    iterations: int | None = None,
    target_loss: float | None = None,
    patience: int | None = None,
    keep: Keep | None = None,
    measure_every: int | None = None,
    singular_values: SingularValues | int | None = None,
    alignment_margin: float | None = None,
    alignment_sine: float | None = None,
    signal_fraction: float | None = None,
    floor_factor: float | None = None,
    device: Device | str | None = None,
    storage: Storage | None = None,
    precision: Precision | None = None,
    workers: int | None = None,
    simd: Simd | None = None,
    checkpoint_every: float | None = None,
    out: Path | None = None,
    force: bool = False,
    resume: bool = False,
    progress: bool = True,
    callback: Callable[[dict[str, Any]], object] | None = None,
    stop_after: float | str | None = None,
    tensorboard: Path | None = None,
    view: bool = False,
) -> Run:
    """Run an experiment: draw or read a problem, solve it, and store the run in a directory.

    Every keyword but those under Files and progress is a setting of the command `matsense run`. A setting
    that is None is not given: its default is at the end of its description. Arrays are stored in the
    directory.

    Problem
    -------
    n : int
        Size n of the unknown matrix: n × n and symmetric; with parametrization uv or deep n × n2;
        with sparse a vector of n numbers (default 100).
    n2 : int
        Number n2 of columns of the unknown matrix (for uv, deep and sparse; default n; 1 for
        sparse).
    rank : int
        Rank r* of the ground truth M* = XXᵀ or XYᵀ; for user data without a truth, rank of the
        spectral estimate to compare with (0: none; default 3; 1 for sparse; the link's number of
        indices for multi-index).
    negative : int
        Number of negative eigenvalues of the truth (for indefinite; default ⌊rank/2⌋).
    sparsity : int
        Number of nonzero elements of the true vector β*, ‖β*‖ = 1 (for sparse; default 3).
    kappa : float
        Condition number κ of X (and Y), whose spectral norm is 1: that of M* is κ²; with
        parametrization sparse the largest magnitude over the least (default 1).
    spectrum : str
        Singular values of M*, largest first, in the place of kappa: a list such as 1,0.5,0.1 or
        1,0.5,0.001*38 (38 times 0.001), or a law, of which rank says how many: power:p, σ_i = i^−p,
        geometric:q, σ_i = q^(i−1), or even:c, evenly from 1 down to 1/c (for psd, uv, deep,
        indefinite and polar).
    singular_vectors : {'uniform', 'signs'}
        Law of the truth's singular vectors: uniform, or signs, made of columns of random ±1, so
        that all rows have about the same norm (for psd, uv, deep, indefinite and polar; default
        uniform).
    measurements : int
        Number m of measurements (samples, for observation single-index; default 10·n·rank; 5·(n +
        n2)·rank for n × n2; 4·sparsity·ln n for sparse, with single-index 100·sparsity·ln n).
    ensemble : {'gaussian', 'rademacher', 'completion', 'relu-completion', 'pauli', 'rank-one'}
        Law of the measurements (see `matsense list ensembles`); user data have their own (default
        gaussian; rank-one for multi-index).
    entries : {'f64', 'f32', 'bf16', 'q8', 'sign'}, or observed entries
        Number format that defines the entries of the measurements: f64, f32, bf16, q8 or sign (for
        gaussian and rademacher; default f32; sign for rademacher). Or the observed entries of a
        matrix to complete: the same as triplets.
    relu_threshold : float
        Observe the entries of M* that are at least this, in units of the root mean square of all
        its entries (for relu-completion; default 0: those that are not negative).
    observation : {'linear', 'single-index', 'multi-index'}
        What is observed: linear, ⟨A, M*⟩ plus noise, or another model (see `matsense list
        observations`; default linear).
    link : str
        Link function: of single-index identity, tanh, sign, square-root or cubic; of multi-index,
        with z_j = ⟨a, w_j⟩, norm ‖z‖², quadratic Σ λ_j z_j² with the eigenvalues λ_j of M*, product
        z_1·z_2 or sign-product (for single-index and multi-index; default identity; norm for
        multi-index). One of 'identity', 'tanh', 'sign', 'square-root', 'cubic', 'norm',
        'quadratic', 'product', 'sign-product'.
    link_scale : {'known', 'unknown'}
        Known, or unknown, so that M* is recovered only up to scale (for single-index; default
        known; unknown if the scale depends on M*).
    covariates : {'gaussian', 'student', 'laplace'}
        Law of the independent coordinates of X, of variance 1: gaussian, student (t with 5 degrees
        of freedom) or laplace (for single-index; default gaussian).
    truncation : float
        Clip observations to ±τ, against heavy tails (0: off; for single-index).
    preprocessing : {'none', 'trim', 'optimal'}
        Function T in the matrix Σ T(y) a aᵀ: none, trim or optimal (for multi-index; default
        optimal).
    noise : float
        Standard deviation of the noise on the observations.
    snr : float
        Signal-to-noise ratio in dB, in the place of noise: 10·log₁₀(‖A(M*)‖²/(m·σ²)) of the drawn
        measurements, σ the standard deviation of the noise.
    outliers : float
        Share of the observations that have an outlier, drawn by seed.
    outlier_size : float
        Standard deviation of an outlier, which is added to the observation (default 10).
    loss : {'squared', 'l1', 'huber'}
        Loss ρ of the residuals, f = 1/(2m) Σ ρ(res): squared, l1 or huber (see `matsense list
        losses`; default squared).
    huber_threshold : float
        Threshold δ of the loss, in units of the observations (for huber; default 0.1).
    hold_out : float
        Fraction of the measurements to hold out, drawn by seed: they are not fitted, and
        held_out_rmse is the error on them (for ensembles gaussian, rademacher, completion,
        relu-completion, pauli and rank-one and for user data).
    seed : int
        Seed of the measurements, truth, noise and choice of what is held out (default 1).

    User data
    ---------
    matrices : array, or path of a .npy file
        Measurement matrices: an array of shape (m, n, n) or (m, n, n2).
    triplets : path of a text file, or entries
        Observed entries and their values: a text file with lines row,col,value counted from 0, or a
        Matrix Market .mtx file; .gz as well. Or a sparse array of SciPy, whose stored entries are
        the observed ones; a tuple (rows, columns, values), counted from 0; a data frame with such
        columns; or a matrix with NaN where nothing was observed.
    triplets_base : int
        Number from which the triplets count rows and columns: 0 or 1 (for completion; default 0; 1
        for .mtx).
    test_triplets : path of a text file, or entries
        Entries to hold out and their values, in a file like that of triplets, counted from the same
        number: they are not fitted, and held_out_rmse is the error on them. Or entries as triplets
        takes them.
    vectors : array, or path of a .npy file
        Vectors a_i of rank-one measurements a aᵀ or a bᵀ: an array of shape (m, n). A pair of
        arrays is vectors and vectors_right.
    vectors_right : array, or path of a .npy file
        Vectors b_i of rank-one measurements a bᵀ of n × n2 matrices: an array of shape (m, n2).
    paulis : path of a text file, words, or a dict
        Pauli words: a text file with one word a line, such as XIZY, or a word and its expectation,
        XIZY,0.53. Or a list of words, or a dict of words and expectations.
    observations : array, or path of a .npy file
        Observations y_i: an array of shape (m,).
    expectations : array, or path of a .npy file
        Expectations of the Pauli words, from -1 to 1, in the place of observations: an array of
        shape (m,).
    truth : array, or path of a .npy file
        Ground truth X, of the user's measurements or of drawn ones: an array of shape (n, r*). A
        pair of arrays is truth and truth_right.
    truth_right : array, or path of a .npy file
        Right factor of the truth: an array Y of shape (n2, r*), or with parametrization indefinite
        X·S, S = diag(±1) (for uv, deep and indefinite).

    Factor and start
    ----------------
    parametrization : {'psd', 'uv', 'deep', 'indefinite', 'polar', 'sparse'}
        How factors make the matrix: psd, UUᵀ; uv, UVᵀ; or another (see `matsense list
        parametrizations`; default psd).
    factor_rank : int
        Number r of columns of U (and V); width of the product with parametrization deep (default n,
        or the smaller of n and n2; rank for methods none, scaled-gd, scaled-subgradient, rgd, rsgd
        and rgda).
    depth : int
        Number L of matrices in the product W_L⋯W_1 (for deep; default 3).
    init : {'random', 'spectral', 'relu-spectral', 'saddle', 'ones'}, array, or path of a .npy file
        Start: random, spectral or another (see `matsense list starts`), or an array U₀ of shape (n,
        r); with parametrization deep a pattern such as W%d.npy for W1.npy, W2.npy, … (default
        random; ones for sparse; spectral for method none; also for scaled-gd, scaled-subgradient,
        rgd, rsgd and rgda, if neither alpha, alpha-right nor start-seed is given). A pair of arrays
        is init and init_right; with parametrization deep, a tuple of arrays is W1, W2, …
    init_right : array, or path of a .npy file
        Right factor of a start from a file: an array V₀ of shape (n2, r); of shape (n, r) with
        parametrization indefinite or sparse; with polar Θ₀, r × r (for uv, indefinite, polar and
        sparse).
    alpha : float
        Size α of the start; random: U₀ = α·G, G_ij ~ N(0, 1/r), and likewise V₀ and each W_j;
        saddle: α·G is added; ones: α is each element (default 1e-06; 0.1 for parametrization deep).
    alpha_right : float
        Size α of V₀ with parametrization uv (0: that of U₀; for random).
    start_imbalance : float
        Number c for a spectral start with parametrization uv: U₀ is multiplied by it, and V₀
        divided (0: neither; for spectral).
    start_seed : int
        Seed of G in the start (default seed).

    Method
    ------
    method : str
        Update rule: gd, scaled-gd, scaled-gd-lambda or another (see `matsense list methods`;
        default gd; none for multi-index). One of 'gd', 'polyak-gd', 'imbalanced-gd', 'scaled-gd',
        'scaled-subgradient', 'scaled-gd-lambda', 'opsa', 'prec-gd', 'apgd', 'altmin',
        'weight-normalization', 'mirror-descent', 'momentum', 'nesterov', 'adam', 'sgd', 'rgd',
        'rsgd', 'label-noise-gd', 'zeroth-order', 'zeroth-order-newton', 'rgda', 'none'.
    step : float
        Step size μ; the largest, if the method has Polyak's step (default 0.25; 1 for polyak-gd,
        scaled-subgradient, opsa and apgd; 0.5 for weight-normalization; 0.001 for adam; most are
        divided by the size of a truth or of observations of yours, and all but that of adam by 2 +
        rank for ensemble rank-one and symmetric matrices).
    step_decay : str
        Law by which all step sizes become smaller (nothing: they stay the same): power:p or
        power:p,c, μ_t = μ/(1 + c·t)^p in step t = 0, 1, …, with p a multiple of 1/8 and c = 1
        unless it is given; or geometric:q, μ_t = μ·q^t.
    retraction : {'factor', 'second-order', 'projection', 'exponential'}
        How a Riemannian step returns to the manifold: factor, second-order, projection or
        exponential (see `matsense list retractions`; for rgd and rsgd; default factor).
    lambda_ : float
        Damping λ (for scaled-gd-lambda and opsa; default σ_min(M*) = 1/kappa², of a spectrum
        without its tail; a tenth of it for opsa).
    momentum : float
        Momentum β (for momentum and nesterov; default 0.9).
    beta1 : float
        Decay β₁ of the mean of the gradients (for adam; default 0.9).
    beta2 : float
        Decay β₂ of the mean of the squares of the gradients (for adam; default 0.999).
    epsilon : float
        Size ε of the gradients of entries below which steps become shorter (for adam; default
        1e-08).
    optimal_value : float
        Value f* of f in Polyak's step (0 is right for exact observations; for polyak-gd,
        scaled-subgradient and opsa; default f at the truth of drawn observations, over those that
        are fitted; 0 for user data).
    imbalance_scale : float
        Singular values β of U after the step that makes U and V unbalanced (for imbalanced-gd;
        default √σ_min(M*) = 1/kappa).
    imbalance_below : float
        Take that step at the first iterate with ‖res‖ of at most this times ‖y‖ (for imbalanced-gd;
        default 0.1).
    inner_tolerance : float
        End the conjugate gradients of an iteration when the gradient is this times what it was (for
        altmin; default 1e-06).
    inner_iterations : int
        Largest number of steps of the conjugate gradients in an iteration (for altmin; default
        100).
    batch_size : int
        Number B of measurements drawn for each step (for sgd and rsgd; default a tenth of all).
    label_noise : float
        Size σ of the noise ±σ added to the observations for each step (for label-noise-gd; default
        0.1).
    directions : int
        Number q of random directions for each step (0: as many as the factor has numbers; for
        zeroth-order and zeroth-order-newton).
    radius : float
        Distance δ from the iterate at which f is evaluated in each direction (for zeroth-order and
        zeroth-order-newton; default 1e-05).
    evaluation_noise : float
        Standard deviation of the noise on the values of f that the method gets (for zeroth-order
        and zeroth-order-newton).
    bootstrap_steps : int
        Number b of steps before the first Newton step, which takes b times as many directions (for
        zeroth-order-newton; default 12).
    hessian_radius : float
        Distance η for the differences of f that estimate its Hessian (for zeroth-order-newton;
        default 0.001).
    least_curvature : float
        Raise the eigenvalues of the estimated Hessian to at least this (for zeroth-order-newton;
        default 0.1).
    adversary_step : float
        Step size η of the adversary, who shifts the observations (for rgda; default step).
    adversary_weight : float
        Weight λ > 1 of the cost of the adversary's shifts (for rgda; default 2).
    adversary_radius : float
        Largest root mean square ρ of the adversary's shifts (for rgda; default 1).
    magnitude_step : float
        Step size ν of the magnitudes Θ (for weight-normalization; default 2, less with few
        measurements for the factor rank).
    method_seed : int
        Seed of the random numbers that the method draws (for sgd, rsgd, label-noise-gd,
        zeroth-order and zeroth-order-newton; default seed).
    iterations : int
        Largest number of steps (default 300).
    target_loss : float
        Stop when the train loss is at most this (0: never).
    patience : int
        Stop when the held-out RMSE, or without held-out data the test error, has not fallen for
        this many steps (0: never).
    keep : {'last', 'best'}
        Which iterate is the result: last, or best, the measured one with the least held-out RMSE,
        or without held-out data the least test error (default last).

    Measuring
    ---------
    measure_every : int
        Number of steps from one measurement of the metrics to the next (default 5).
    singular_values : {'auto', 'all'} or int
        How many of the factor's singular values to measure, the largest ones; all copies the factor
        to the host at each measurement; auto: r* + 1, or 10 if r* is not known (default auto).
    alignment_margin : float
        Phase I ends when the angle exceeds that of the spectral estimate by at most this fraction,
        and alignment_sine holds as well (default 0.1).
    alignment_sine : float
        Phase I ends when the spectral angle is at most this, and alignment_margin holds as well
        (default 0.5).
    signal_fraction : float
        Phase II ends when the signal reaches this fraction of σ_min(X) (default 1/√10).
    floor_factor : float
        The floor begins when the test error stays within this factor of its minimum (default 2).

    Machine
    -------
    device : {'auto', 'cpu', 'cuda', 'emulator'} or 'cuda:N'
        Where to run: auto (the cpu or a GPU, by estimated time), cpu, cuda, cuda:N for GPU number N
        counted from 0, cuda:0,1 for several GPUs, cuda:all, emulator, or emulator:2 (default auto).
    storage : {'auto', 'memory', 'generated'}
        Measurements in memory, generated when they are needed, or auto (default auto).
    precision : {'f64', 'mixed', 'f32', 'auto'}
        Arithmetic of the gradient: f64; mixed, f32 that loses nothing; f32, for comparison; auto,
        f64 or mixed, whichever is faster (default f64).
    workers : int
        Number of goroutines that share the rows (0: one for each core).
    simd : {'auto', 'avx512', 'avx2', 'neon', 'off'}
        Vector instructions of the CPU: auto, avx512, avx2, neon (arm64), or off for plain Go
        (default auto).
    checkpoint_every : float
        Seconds between checkpoints (0: only at the end; default 60).

    Files and progress
    ------------------
    out : path
        Directory of the run (default runs/ and the time).
    force : bool
        Replace the run in out.
    resume : bool
        Continue the run in out.
    progress : bool
        Show how far the run has come (default True).
    callback : callable
        Called with each sample, a dict of the iteration and the metrics, when it is measured. If it raises an
        exception, the run is saved and ends.
    stop_after : float or str
        Save and end after this time, in seconds or like '3h45m'; the run's status is then 'canceled'.
    tensorboard : path
        Also write event files for TensorBoard into this directory.
    view : bool
        Open a page that shows the run while it goes on.

    Returns
    -------
    Run
        The run, whose results are read from its directory.

    Raises
    ------
    ConfigError
        A setting or an argument is wrong; nothing was run, and nothing is left behind.
    Diverged
        The loss grew without bound; its attribute `run` has the run.
    Interrupted
        Ctrl-C was pressed, and the run was saved; its attribute `run` has the run. A second Ctrl-C ends the
        command at once.

    Examples
    --------
    >>> import matsense as ms
    >>> run = ms.run(n=20, rank=2, alpha=1e-6, iterations=100)
    >>> run.trajectory.plot("iteration", "test_error", logy=True)
    """
    return _experiments.run(
        _given(
            {
                "n": n,
                "n2": n2,
                "rank": rank,
                "negative": negative,
                "sparsity": sparsity,
                "kappa": kappa,
                "spectrum": spectrum,
                "singular-vectors": singular_vectors,
                "measurements": measurements,
                "ensemble": ensemble,
                "entries": entries,
                "relu-threshold": relu_threshold,
                "observation": observation,
                "link": link,
                "link-scale": link_scale,
                "covariates": covariates,
                "truncation": truncation,
                "preprocessing": preprocessing,
                "noise": noise,
                "snr": snr,
                "outliers": outliers,
                "outlier-size": outlier_size,
                "loss": loss,
                "huber-threshold": huber_threshold,
                "hold-out": hold_out,
                "seed": seed,
                "matrices": matrices,
                "triplets": triplets,
                "triplets-base": triplets_base,
                "test-triplets": test_triplets,
                "vectors": vectors,
                "vectors-right": vectors_right,
                "paulis": paulis,
                "observations": observations,
                "expectations": expectations,
                "truth": truth,
                "truth-right": truth_right,
                "parametrization": parametrization,
                "factor-rank": factor_rank,
                "depth": depth,
                "init": init,
                "init-right": init_right,
                "alpha": alpha,
                "alpha-right": alpha_right,
                "start-imbalance": start_imbalance,
                "start-seed": start_seed,
                "method": method,
                "step": step,
                "step-decay": step_decay,
                "retraction": retraction,
                "lambda": lambda_,
                "momentum": momentum,
                "beta1": beta1,
                "beta2": beta2,
                "epsilon": epsilon,
                "optimal-value": optimal_value,
                "imbalance-scale": imbalance_scale,
                "imbalance-below": imbalance_below,
                "inner-tolerance": inner_tolerance,
                "inner-iterations": inner_iterations,
                "batch-size": batch_size,
                "label-noise": label_noise,
                "directions": directions,
                "radius": radius,
                "evaluation-noise": evaluation_noise,
                "bootstrap-steps": bootstrap_steps,
                "hessian-radius": hessian_radius,
                "least-curvature": least_curvature,
                "adversary-step": adversary_step,
                "adversary-weight": adversary_weight,
                "adversary-radius": adversary_radius,
                "magnitude-step": magnitude_step,
                "method-seed": method_seed,
                "iterations": iterations,
                "target-loss": target_loss,
                "patience": patience,
                "keep": keep,
                "measure-every": measure_every,
                "singular-values": singular_values,
                "alignment-margin": alignment_margin,
                "alignment-sine": alignment_sine,
                "signal-fraction": signal_fraction,
                "floor-factor": floor_factor,
                "device": device,
                "storage": storage,
                "precision": precision,
                "workers": workers,
                "simd": simd,
                "checkpoint-every": checkpoint_every,
            }
        ),
        out=out,
        force=force,
        resume=resume,
        progress=progress,
        callback=callback,
        stop_after=stop_after,
        tensorboard=tensorboard,
        view=view,
    )


def problem(
    *,
    n: int | None = None,
    n2: int | None = None,
    rank: int | None = None,
    negative: int | None = None,
    sparsity: int | None = None,
    kappa: float | None = None,
    spectrum: str | None = None,
    singular_vectors: SingularVectors | None = None,
    measurements: int | None = None,
    ensemble: Ensemble | str | None = None,
    entries: Entries | ObservedEntries | None = None,
    relu_threshold: float | None = None,
    observation: Observation | None = None,
    link: Link | None = None,
    link_scale: LinkScale | None = None,
    covariates: Covariates | None = None,
    truncation: float | None = None,
    preprocessing: Preprocessing | None = None,
    noise: float | None = None,
    snr: float | None = None,
    outliers: float | None = None,
    outlier_size: float | None = None,
    loss: Loss | None = None,
    huber_threshold: float | None = None,
    hold_out: float | None = None,
    seed: int | None = None,
    matrices: Data | None = None,
    triplets: Path | ObservedEntries | None = None,
    triplets_base: int | None = None,
    test_triplets: Path | ObservedEntries | None = None,
    vectors: Data | None = None,
    vectors_right: Data | None = None,
    paulis: Path | PauliWords | None = None,
    observations: Data | None = None,
    expectations: Data | None = None,
    truth: Data | None = None,
    truth_right: Data | None = None,
    parametrization: Parametrization | None = None,
    factor_rank: int | None = None,
    depth: int | None = None,
    init: Init | Data | None = None,
    init_right: Data | None = None,
    alpha: float | None = None,
    alpha_right: float | None = None,
    start_imbalance: float | None = None,
    start_seed: int | None = None,
    device: Device | str | None = None,
    storage: Storage | None = None,
    precision: Precision | None = None,
    workers: int | None = None,
    simd: Simd | None = None,
    members: int = 1,
) -> Problem:
    """Open a problem: its measurements stay with the fast operators, for a method of your own.

    Every keyword but the last is a setting of the command `matsense run`. A setting that is None is not
    given: its default is at the end of its description.

    Problem
    -------
    n : int
        Size n of the unknown matrix: n × n and symmetric; with parametrization uv or deep n × n2;
        with sparse a vector of n numbers (default 100).
    n2 : int
        Number n2 of columns of the unknown matrix (for uv, deep and sparse; default n; 1 for
        sparse).
    rank : int
        Rank r* of the ground truth M* = XXᵀ or XYᵀ; for user data without a truth, rank of the
        spectral estimate to compare with (0: none; default 3; 1 for sparse; the link's number of
        indices for multi-index).
    negative : int
        Number of negative eigenvalues of the truth (for indefinite; default ⌊rank/2⌋).
    sparsity : int
        Number of nonzero elements of the true vector β*, ‖β*‖ = 1 (for sparse; default 3).
    kappa : float
        Condition number κ of X (and Y), whose spectral norm is 1: that of M* is κ²; with
        parametrization sparse the largest magnitude over the least (default 1).
    spectrum : str
        Singular values of M*, largest first, in the place of kappa: a list such as 1,0.5,0.1 or
        1,0.5,0.001*38 (38 times 0.001), or a law, of which rank says how many: power:p, σ_i = i^−p,
        geometric:q, σ_i = q^(i−1), or even:c, evenly from 1 down to 1/c (for psd, uv, deep,
        indefinite and polar).
    singular_vectors : {'uniform', 'signs'}
        Law of the truth's singular vectors: uniform, or signs, made of columns of random ±1, so
        that all rows have about the same norm (for psd, uv, deep, indefinite and polar; default
        uniform).
    measurements : int
        Number m of measurements (samples, for observation single-index; default 10·n·rank; 5·(n +
        n2)·rank for n × n2; 4·sparsity·ln n for sparse, with single-index 100·sparsity·ln n).
    ensemble : {'gaussian', 'rademacher', 'completion', 'relu-completion', 'pauli', 'rank-one'}
        Law of the measurements (see `matsense list ensembles`); user data have their own (default
        gaussian; rank-one for multi-index).
    entries : {'f64', 'f32', 'bf16', 'q8', 'sign'}, or observed entries
        Number format that defines the entries of the measurements: f64, f32, bf16, q8 or sign (for
        gaussian and rademacher; default f32; sign for rademacher). Or the observed entries of a
        matrix to complete: the same as triplets.
    relu_threshold : float
        Observe the entries of M* that are at least this, in units of the root mean square of all
        its entries (for relu-completion; default 0: those that are not negative).
    observation : {'linear', 'single-index', 'multi-index'}
        What is observed: linear, ⟨A, M*⟩ plus noise, or another model (see `matsense list
        observations`; default linear).
    link : str
        Link function: of single-index identity, tanh, sign, square-root or cubic; of multi-index,
        with z_j = ⟨a, w_j⟩, norm ‖z‖², quadratic Σ λ_j z_j² with the eigenvalues λ_j of M*, product
        z_1·z_2 or sign-product (for single-index and multi-index; default identity; norm for
        multi-index). One of 'identity', 'tanh', 'sign', 'square-root', 'cubic', 'norm',
        'quadratic', 'product', 'sign-product'.
    link_scale : {'known', 'unknown'}
        Known, or unknown, so that M* is recovered only up to scale (for single-index; default
        known; unknown if the scale depends on M*).
    covariates : {'gaussian', 'student', 'laplace'}
        Law of the independent coordinates of X, of variance 1: gaussian, student (t with 5 degrees
        of freedom) or laplace (for single-index; default gaussian).
    truncation : float
        Clip observations to ±τ, against heavy tails (0: off; for single-index).
    preprocessing : {'none', 'trim', 'optimal'}
        Function T in the matrix Σ T(y) a aᵀ: none, trim or optimal (for multi-index; default
        optimal).
    noise : float
        Standard deviation of the noise on the observations.
    snr : float
        Signal-to-noise ratio in dB, in the place of noise: 10·log₁₀(‖A(M*)‖²/(m·σ²)) of the drawn
        measurements, σ the standard deviation of the noise.
    outliers : float
        Share of the observations that have an outlier, drawn by seed.
    outlier_size : float
        Standard deviation of an outlier, which is added to the observation (default 10).
    loss : {'squared', 'l1', 'huber'}
        Loss ρ of the residuals, f = 1/(2m) Σ ρ(res): squared, l1 or huber (see `matsense list
        losses`; default squared).
    huber_threshold : float
        Threshold δ of the loss, in units of the observations (for huber; default 0.1).
    hold_out : float
        Fraction of the measurements to hold out, drawn by seed: they are not fitted, and
        held_out_rmse is the error on them (for ensembles gaussian, rademacher, completion,
        relu-completion, pauli and rank-one and for user data).
    seed : int
        Seed of the measurements, truth, noise and choice of what is held out (default 1).

    User data
    ---------
    matrices : array, or path of a .npy file
        Measurement matrices: an array of shape (m, n, n) or (m, n, n2).
    triplets : path of a text file, or entries
        Observed entries and their values: a text file with lines row,col,value counted from 0, or a
        Matrix Market .mtx file; .gz as well. Or a sparse array of SciPy, whose stored entries are
        the observed ones; a tuple (rows, columns, values), counted from 0; a data frame with such
        columns; or a matrix with NaN where nothing was observed.
    triplets_base : int
        Number from which the triplets count rows and columns: 0 or 1 (for completion; default 0; 1
        for .mtx).
    test_triplets : path of a text file, or entries
        Entries to hold out and their values, in a file like that of triplets, counted from the same
        number: they are not fitted, and held_out_rmse is the error on them. Or entries as triplets
        takes them.
    vectors : array, or path of a .npy file
        Vectors a_i of rank-one measurements a aᵀ or a bᵀ: an array of shape (m, n). A pair of
        arrays is vectors and vectors_right.
    vectors_right : array, or path of a .npy file
        Vectors b_i of rank-one measurements a bᵀ of n × n2 matrices: an array of shape (m, n2).
    paulis : path of a text file, words, or a dict
        Pauli words: a text file with one word a line, such as XIZY, or a word and its expectation,
        XIZY,0.53. Or a list of words, or a dict of words and expectations.
    observations : array, or path of a .npy file
        Observations y_i: an array of shape (m,).
    expectations : array, or path of a .npy file
        Expectations of the Pauli words, from -1 to 1, in the place of observations: an array of
        shape (m,).
    truth : array, or path of a .npy file
        Ground truth X, of the user's measurements or of drawn ones: an array of shape (n, r*). A
        pair of arrays is truth and truth_right.
    truth_right : array, or path of a .npy file
        Right factor of the truth: an array Y of shape (n2, r*), or with parametrization indefinite
        X·S, S = diag(±1) (for uv, deep and indefinite).

    Factor and start
    ----------------
    parametrization : {'psd', 'uv', 'deep', 'indefinite', 'polar', 'sparse'}
        How factors make the matrix: psd, UUᵀ; uv, UVᵀ; or another (see `matsense list
        parametrizations`; default psd).
    factor_rank : int
        Number r of columns of U (and V); width of the product with parametrization deep (default n,
        or the smaller of n and n2; rank for methods none, scaled-gd, scaled-subgradient, rgd, rsgd
        and rgda).
    depth : int
        Number L of matrices in the product W_L⋯W_1 (for deep; default 3).
    init : {'random', 'spectral', 'relu-spectral', 'saddle', 'ones'}, array, or path of a .npy file
        Start: random, spectral or another (see `matsense list starts`), or an array U₀ of shape (n,
        r); with parametrization deep a pattern such as W%d.npy for W1.npy, W2.npy, … (default
        random; ones for sparse; spectral for method none; also for scaled-gd, scaled-subgradient,
        rgd, rsgd and rgda, if neither alpha, alpha-right nor start-seed is given). A pair of arrays
        is init and init_right; with parametrization deep, a tuple of arrays is W1, W2, …
    init_right : array, or path of a .npy file
        Right factor of a start from a file: an array V₀ of shape (n2, r); of shape (n, r) with
        parametrization indefinite or sparse; with polar Θ₀, r × r (for uv, indefinite, polar and
        sparse).
    alpha : float
        Size α of the start; random: U₀ = α·G, G_ij ~ N(0, 1/r), and likewise V₀ and each W_j;
        saddle: α·G is added; ones: α is each element (default 1e-06; 0.1 for parametrization deep).
    alpha_right : float
        Size α of V₀ with parametrization uv (0: that of U₀; for random).
    start_imbalance : float
        Number c for a spectral start with parametrization uv: U₀ is multiplied by it, and V₀
        divided (0: neither; for spectral).
    start_seed : int
        Seed of G in the start (default seed).

    Machine
    -------
    device : {'auto', 'cpu', 'cuda', 'emulator'} or 'cuda:N'
        Where to run: auto (the cpu or a GPU, by estimated time), cpu, cuda, cuda:N for GPU number N
        counted from 0, cuda:0,1 for several GPUs, cuda:all, emulator, or emulator:2 (default auto).
    storage : {'auto', 'memory', 'generated'}
        Measurements in memory, generated when they are needed, or auto (default auto).
    precision : {'f64', 'mixed', 'f32', 'auto'}
        Arithmetic of the gradient: f64; mixed, f32 that loses nothing; f32, for comparison; auto,
        f64 or mixed, whichever is faster (default f64).
    workers : int
        Number of goroutines that share the rows (0: one for each core).
    simd : {'auto', 'avx512', 'avx2', 'neon', 'off'}
        Vector instructions of the CPU: auto, avx512, avx2, neon (arm64), or off for plain Go
        (default auto).

    Batches
    -------
    members : int
        Number of factors that share each pass over the measurements (default 1).

    Returns
    -------
    Problem
        The open problem. Close it, or open it in a `with` statement.

    Raises
    ------
    ConfigError
        A setting is wrong.

    Examples
    --------
    >>> import matsense as ms
    >>> with ms.problem(n=20, rank=2, measurements=400) as p:
    ...     U = p.start(alpha=1e-6)
    ...     for _ in range(100):
    ...         loss, G = p.value_and_grad(U)
    ...         U -= 0.25 * G
    """
    return _problem.open(
        _given(
            {
                "n": n,
                "n2": n2,
                "rank": rank,
                "negative": negative,
                "sparsity": sparsity,
                "kappa": kappa,
                "spectrum": spectrum,
                "singular-vectors": singular_vectors,
                "measurements": measurements,
                "ensemble": ensemble,
                "entries": entries,
                "relu-threshold": relu_threshold,
                "observation": observation,
                "link": link,
                "link-scale": link_scale,
                "covariates": covariates,
                "truncation": truncation,
                "preprocessing": preprocessing,
                "noise": noise,
                "snr": snr,
                "outliers": outliers,
                "outlier-size": outlier_size,
                "loss": loss,
                "huber-threshold": huber_threshold,
                "hold-out": hold_out,
                "seed": seed,
                "matrices": matrices,
                "triplets": triplets,
                "triplets-base": triplets_base,
                "test-triplets": test_triplets,
                "vectors": vectors,
                "vectors-right": vectors_right,
                "paulis": paulis,
                "observations": observations,
                "expectations": expectations,
                "truth": truth,
                "truth-right": truth_right,
                "parametrization": parametrization,
                "factor-rank": factor_rank,
                "depth": depth,
                "init": init,
                "init-right": init_right,
                "alpha": alpha,
                "alpha-right": alpha_right,
                "start-imbalance": start_imbalance,
                "start-seed": start_seed,
                "device": device,
                "storage": storage,
                "precision": precision,
                "workers": workers,
                "simd": simd,
            }
        ),
        members=members,
    )


def _given(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that are not None."""
    return {key: value for key, value in settings.items() if value is not None}
