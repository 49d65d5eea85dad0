"""What to call instead of the functions of other libraries that turn a Value into a plain array, and so refuse it.

Read when that error is about to be raised; how the sentences are written is said in `foreign`.
"""

from __future__ import annotations

from .foreign import each

PLAIN = "SciPy's own code takes plain arrays"
MATRIX = "a transform is a matrix: of F = {}(np.eye(n), axis=0), F.real @ v and F.imag @ v are recorded"

# A part of a library -> its function -> what to call instead. "" stands for all others.
LIBRARIES: dict[str, dict[str, str]] = {
    "scipy.linalg": {
        **each("inv solve det cholesky qr svd eigh eigvalsh norm pinv lstsq svdvals", "np.linalg.{} is recorded"),
        **each("kron tril triu", "np.{} is recorded"),
        **each("solve_triangular cho_solve lu_solve solve_banded solve_toeplitz cho_factor lu_factor lu",
               "np.linalg.solve and np.linalg.cholesky are recorded"),
        **each("expm logm sqrtm funm fractional_matrix_power",
               "of a symmetric matrix, w, q = np.linalg.eigh(v) and (q * f(w)) @ q.T is the same and is recorded"),
        **each("block_diag", "np.block([[a, zeros], [zeros, b]]) is recorded"),
        **each("toeplitz circulant hankel", "v[i[:, None] - i], with i = np.arange(n), picks the same elements"),
        **each("null_space orth polar", "np.linalg.svd is recorded"),
        **each("eig eigvals schur", "np.linalg.eigh, of symmetric matrices, is recorded"),
        "": "np.linalg has what is recorded, such as np.linalg.solve",
    },
    "scipy.special": {
        **each("logsumexp softmax log_softmax", "functional.{} is the same and is recorded"),
        "polygamma": "microgradnet.ops.special.polygamma(v, n=n) is recorded",
        **each("factorial gamma", "scipy.special.gamma(v + 1) is recorded"),
        **each("comb perm binom poch multigammaln", "sums of scipy.special.gammaln, and np.exp of them, are recorded"),
        "": "SciPy's ufuncs with a rule are recorded, such as scipy.special.erf",
    },
    "scipy.fft": {
        **each("dct dst idct idst", "a transform is a matrix: scipy.fft.{}(np.eye(n), axis=0) @ v is recorded"),
        "": MATRIX.replace("{}", "np.fft.fft"),
    },
    "scipy.signal": {
        **each("convolve fftconvolve oaconvolve correlate", "np.convolve(v, w) and functional.conv1d are recorded"),
        **each("convolve2d correlate2d", "functional.conv2d is recorded"),
        "": f"{PLAIN}. np.convolve and functional.conv1d are recorded",
    },
    "scipy.ndimage": {"": f"{PLAIN}. functional.conv2d and functional.max_pool2d are recorded"},
    "scipy.stats": {
        **each("pdf logpdf", "of the normal distribution, np.exp(-v**2 / 2) / np.sqrt(2 * np.pi) is recorded"),
        **each("cdf logcdf sf", "scipy.special.ndtr(v), and scipy.special.log_ndtr(v), are recorded"),
        **each("ppf isf", "scipy.special.ndtri(v) is recorded"),
        "zscore": "(v - np.mean(v)) / np.std(v) is recorded",
        "": f"{PLAIN}. Write it with np.mean, np.var and scipy.special.gammaln",
    },
    "scipy.integrate": {
        **each("trapezoid simpson cumulative_trapezoid romb", "np.trapezoid(v, x) is recorded"),
        "": f"{PLAIN}. np.trapezoid is recorded",
    },
    "scipy.interpolate": {"": f"{PLAIN}. np.interp is recorded"},
    "scipy.optimize": {"": "it wants numbers: microgradnet.value_and_grad(f) with jac=True hands it both"},
    "scipy.spatial": {"": "np.linalg.norm(v[:, None] - w, axis=-1) are the distances, recorded"},
    "scipy.sparse": {"": "sparse.toarray() beside a Value is a constant: np.matmul is recorded"},
    "pandas": {"": "of a Series or DataFrame s, s.to_numpy() @ v is recorded; np.asarray(v.data) goes into one"},
    "sklearn": {"": "v.data are the numbers that scikit-learn learns from"},
    "matplotlib": {"": "v.data are the numbers to plot"},
    "torch": {"": "torch.tensor(v.data) takes the numbers"},
    "jax": {"": "jax.numpy.asarray(v.data) takes the numbers"},
}  # fmt: skip
