"""The methods of an ndarray on a Value, `.at`, and the functions a network is made of.

Nothing here knows how a Value is made or differentiated. Everything is a function of NumPy, or a name of our own,
looked up in the tables; what fills them is defined in `ops` and `formulas`, above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Never, Self, TypeAlias, TypeVar

import numpy as np

from ..words import foreign, misspelt, own
from . import refusals
from .operators import Operators
from .protocols import ROWS
from .tables import FORMULAS, Array, Operand, formula_of

if TYPE_CHECKING:  # np.typing takes longer to import than this package
    from numpy.typing import DTypeLike

Axis: TypeAlias = int | tuple[int, ...] | None


class ForeignTensor:
    """What tensors of other libraries have and a Value has not; what there is here instead is said in `foreign`."""

    __slots__ = ()


foreign(ForeignTensor, "Value", (
    "label _prev _op _backward view view_as reshape_as permute t H adjoint unsqueeze expand_dims expand expand_as "
    "broadcast_to tile contiguous unflatten numel nelement dim ndimension get_shape chunk split unbind unstack "
    "movedim moveaxis flat resize numpy to_numpy values asnumpy _value cpu cuda to_device device "
    "devices is_cuda mps pin_memory get_device is_sparse layout realize block_until_ready eval to type type_as cast "
    "float double float64 half bfloat16 int long short bool clone nbytes itemsize strides flags base tobytes tofile "
    "dumps ctypes data_ptr element_size storage untyped_storage is_floating_point requires_grad requires_grad_ "
    "trainable retain_grad retains_grad grad_fn creator is_leaf register_hook register_post_accumulate_grad_hook "
    "zero_grad cleargrad detach_ stop_gradient gradient zero_ fill_ fill copy_ normal_ uniform_ assign assign_add "
    "assign_sub set_value set_ put itemset add_ sub_ mul_ div_ clamp_ pow_ exp_ neg_ squeeze_ unsqueeze_ "
    "masked_fill_ scatter_ scatter_add_ index_add_ index_put_ index_copy_ index_fill_ relu_ gather index_select "
    "masked_select masked_fill where scatter scatter_add index_add index_put topk sort flip roll diff unique tril "
    "triu diag outer inner cross median quantile percentile average ptp sign ceil floor isnan isinf isfinite sinh "
    "cosh arcsin arccos arctan arcsinh arccosh arctanh log2 log10 exp2 reciprocal nanmean nansum partition conj "
    "conjugate real imag maximum minimum logaddexp matmul multiply divide add subtract negative sub mul div "
    "true_divide neg pow mm bmm mv concat cat pad eq ne lt le gt ge asin acos atan fmod remainder trunc "
    "count_nonzero logical_and logical_or logical_not rsqrt clamp clamp_min clamp_max clip_by_value amax max_along "
    "amin norm det inverse inv pinverse cholesky svd qr logdet slogdet matrix_power softmax log_softmax logsumexp "
    "gelu elu selu silu mish leaky_relu softplus relu6 hardtanh hardswish dropout layer_norm batch_norm linear "
    "conv2d max_pool2d avg_pool2d cross_entropy binary_cross_entropy swish leakyrelu quick_gelu "
    "sparse_categorical_crossentropy erf backwards freeze unfreeze"
))  # fmt: skip
misspelt(ForeignTensor, "Value", "data grad name item size ndim sum mean max min relu tanh sqrt")


class ArrayLike(Operators, ForeignTensor):
    """The base of Value: whatever can be done with an ndarray, done with the rows and formulas of the tables."""

    __slots__ = ()

    @property
    def at(self) -> At[Self]:
        """What to change: `v.at[index].set(x)` and `v.at[index].add(x)` are `v` with some elements changed.

        Both are new Values, and differentiable in `v` and in `x`. `index` is of any kind NumPy has; `x` broadcasts to
        what it selects. Where an index names a place twice, `set` takes the last and `add` adds up.

        >>> from microgradnet import Value
        >>> v = Value([1.0, 2.0, 3.0])
        >>> v.at[1].set(9.0)
        Value(data=[1., 9., 3.], grad=None)
        >>> v.at[[0, 0]].add(1.0)
        Value(data=[3., 2., 3.], grad=None)
        """
        return At(self)

    # ----------------------------------------------------------------------------------------- element by element

    def exp(self) -> Self:
        """eˣ of each element."""
        return ROWS[np.exp].record(self)

    def log(self) -> Self:
        """The natural logarithm of each element."""
        return ROWS[np.log].record(self)

    def log1p(self) -> Self:
        """log(1 + x) of each element, precise near 0."""
        return ROWS[np.log1p].record(self)

    def expm1(self) -> Self:
        """eˣ − 1 of each element, precise near 0."""
        return ROWS[np.expm1].record(self)

    def sqrt(self) -> Self:
        """The square root of each element."""
        return ROWS[np.sqrt].record(self)

    def square(self) -> Self:
        """x² of each element."""
        return ROWS[np.square].record(self)

    def sin(self) -> Self:
        """The sine of each element, in radians."""
        return ROWS[np.sin].record(self)

    def cos(self) -> Self:
        """The cosine of each element, in radians."""
        return ROWS[np.cos].record(self)

    def tan(self) -> Self:
        """The tangent of each element, in radians."""
        return ROWS[np.tan].record(self)

    def tanh(self) -> Self:
        """The hyperbolic tangent of each element, between −1 and 1."""
        return ROWS[np.tanh].record(self)

    def abs(self) -> Self:
        """|x| of each element; its slope at 0 is 0."""
        return ROWS[np.absolute].record(self)

    def relu(self) -> Self:
        """max(x, 0) of each element; its slope at 0 is 0."""
        return ROWS["relu"].record(self)

    def sigmoid(self) -> Self:
        """1 / (1 + e⁻ˣ) of each element, between 0 and 1."""
        return ROWS["sigmoid"].record(self)

    def clip(self, min: Operand | None = None, max: Operand | None = None) -> Self:
        """Each element, but not below `min` nor above `max`; None is no bound."""
        return self._formula(np.clip, self, min, max)

    def round(self, *args: Any, **kwargs: Any) -> Self:
        """Each element rounded, with the arguments of np.round; nothing flows back."""
        return self._formula(np.round, self, *args, **kwargs)

    def astype(self, dtype: DTypeLike) -> Self:
        """The same numbers in another floating-point dtype."""
        return ROWS["astype"].record(self, dtype=np.dtype(dtype))

    def copy(self) -> Self:
        """The same numbers in memory of their own, recorded."""
        return ROWS[np.positive].record(self)

    # ----------------------------------------------------------------------------------------- over axes

    def sum(self, axis: Axis = None, keepdims: bool = False, **more: Any) -> Self:
        """The sum over `axis`, or of all; `dtype`, `where`, `initial` as in np.sum."""
        if more:
            return self._formula(np.sum, self, axis, keepdims=keepdims, **more)
        if axis is None and not keepdims:
            return ROWS[np.sum].record(self)
        return ROWS[np.sum].record(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False, **more: Any) -> Self:
        """The mean over `axis`, or of all; `dtype`, `where` as in np.mean."""
        return self._formula(np.mean, self, axis, keepdims=keepdims, **more)

    def max(self, axis: Axis = None, keepdims: bool = False, **more: Any) -> Self:
        """The largest over `axis`, or of all; equals share the gradient. `where`, `initial` as in np.max."""
        if more:
            return self._formula(np.max, self, axis, keepdims=keepdims, **more)
        return ROWS[np.max].record(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False, **more: Any) -> Self:
        """The smallest over `axis`, or of all; equals share the gradient. `where`, `initial` as in np.min."""
        if more:
            return self._formula(np.min, self, axis, keepdims=keepdims, **more)
        return ROWS[np.min].record(self, axis=axis, keepdims=keepdims)

    def prod(self, *args: Any, **kwargs: Any) -> Self:
        """The product over `axis`, or of all, with the arguments of np.prod."""
        return self._formula(np.prod, self, *args, **kwargs)

    def var(self, *args: Any, **kwargs: Any) -> Self:
        """The variance over `axis`, or of all, with the arguments of np.var."""
        return self._formula(np.var, self, *args, **kwargs)

    def std(self, *args: Any, **kwargs: Any) -> Self:
        """The standard deviation over `axis`, or of all, with the arguments of np.std."""
        return self._formula(np.std, self, *args, **kwargs)

    def cumsum(self, *args: Any, **kwargs: Any) -> Self:
        """The sums up to each element, with the arguments of np.cumsum."""
        return self._formula(np.cumsum, self, *args, **kwargs)

    def cumprod(self, *args: Any, **kwargs: Any) -> Self:
        """The products up to each element, with the arguments of np.cumprod."""
        return self._formula(np.cumprod, self, *args, **kwargs)

    def argmax(self, axis: int | None = None, keepdims: bool = False, **more: Never) -> Self:
        """The place of the largest along `axis`, or of all; nothing flows back."""
        if more:
            return self._formula(np.argmax, self, **more)
        return ROWS[np.argmax].record(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False, **more: Never) -> Self:
        """The place of the smallest along `axis`, or of all; nothing flows back."""
        if more:
            return self._formula(np.argmin, self, **more)
        return ROWS[np.argmin].record(self, axis=axis, keepdims=keepdims)

    def any(self, axis: Axis = None, keepdims: bool = False, **more: Never) -> Self:
        """Whether one element is not 0, over `axis` or of all; nothing flows back."""
        if more:
            return self._formula(np.any, self, **more)
        return ROWS[np.any].record(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Axis = None, keepdims: bool = False, **more: Never) -> Self:
        """Whether no element is 0, over `axis` or of all; nothing flows back."""
        if more:
            return self._formula(np.all, self, **more)
        return ROWS[np.all].record(self, axis=axis, keepdims=keepdims)

    # ----------------------------------------------------------------------------------------- shape

    def reshape(self, *shape: Any, order: str = "C") -> Self:
        """The same elements in another shape, given as one tuple or as lengths; −1 is what is left over."""
        if order != "C":
            return self._formula(np.reshape, self, shape[0] if len(shape) == 1 else shape, order)
        return ROWS[np.reshape].record(self, shape=shape[0] if len(shape) == 1 else shape)

    def ravel(self, order: str = "C") -> Self:
        """All elements along one axis."""
        if order != "C":
            return self._formula(np.ravel, self, order)
        return ROWS[np.reshape].record(self, shape=(-1,))

    def flatten(self, order: str = "C") -> Self:
        """All elements along one axis, as `ravel`: no Value is a view of another."""
        return self.ravel(order)

    def transpose(self, *axes: Any) -> Self:
        """The axes in another order, or reversed."""
        given = axes[0] if len(axes) == 1 else axes or None
        return ROWS[np.transpose].record(self, axes=tuple(given) if isinstance(given, list) else given)

    @property
    def T(self) -> Self:
        """The transpose: the axes reversed."""
        return ROWS[np.transpose].record(self, axes=None)

    @property
    def mT(self) -> Self:
        """The transpose of each matrix: the last two axes swapped."""
        return self._formula(np.matrix_transpose, self)

    def swapaxes(self, axis1: int, axis2: int) -> Self:
        """Two axes in each other's place."""
        return ROWS[np.swapaxes].record(self, axis1=axis1, axis2=axis2)

    def squeeze(self, axis: Axis = None, **more: Never) -> Self:
        """Without the axes of length 1, or without those of `axis`."""
        if more:
            return self._formula(np.squeeze, self, **more)
        return ROWS[np.squeeze].record(self, axis=axis)

    # ----------------------------------------------------------------------------------------- choice, order, products

    def dot(self, other: Operand) -> Self:
        """The product with `other`, as np.dot: of matrices, or over the last axis."""
        return self._formula(np.dot, self, other)

    def take(self, *args: Any, **kwargs: Any) -> Self:
        """The elements at some indices along an axis, with the arguments of np.take."""
        return self._formula(np.take, self, *args, **kwargs)

    def repeat(self, *args: Any, **kwargs: Any) -> Self:
        """Each element so many times, with the arguments of np.repeat."""
        return self._formula(np.repeat, self, *args, **kwargs)

    def diagonal(self, *args: Any, **kwargs: Any) -> Self:
        """The diagonal of two axes, with the arguments of np.diagonal."""
        return self._formula(np.diagonal, self, *args, **kwargs)

    def trace(self, *args: Any, **kwargs: Any) -> Self:
        """The sum of the diagonal, with the arguments of np.trace."""
        return self._formula(np.trace, self, *args, **kwargs)

    def choose(self, *args: Any, **kwargs: Any) -> Self:
        """Elements of several arrays, chosen by these numbers, with the arguments of np.choose."""
        return self._formula(np.choose, self, *args, **kwargs)

    def argsort(self, *args: Any, **kwargs: Any) -> Self:
        """The order that would sort the elements; nothing flows back, with the arguments of np.argsort."""
        return self._formula(np.argsort, self, *args, **kwargs)

    def searchsorted(self, *args: Any, **kwargs: Any) -> Self:
        """Where others would keep these sorted; nothing flows back. The arguments are those of np.searchsorted."""
        return self._formula(np.searchsorted, self, *args, **kwargs)

    def nonzero(self) -> tuple[Array, ...]:
        """The indices of the elements that are not 0, a plain array for each axis."""
        return np.nonzero(self)

    def compress(self, condition: Any, axis: int | None = None) -> Self:
        """The elements along an axis where a condition holds."""
        return self._formula(np.compress, condition, self, axis)

    def __dir__(self) -> list[str]:
        return own(self)

    def _formula(self, function: Any, *args: Any, **kwargs: Any) -> Self:
        """What the formula, or else the row, of a function of NumPy makes of these arguments."""
        formula = formula_of(function)
        try:
            out: Self = formula(*args, **kwargs) if formula else self.__array_function__(function, (), args, kwargs)
        except TypeError as error:
            raise refusals.method(function, kwargs, error)  # noqa: B904 (most often the error itself)
        return out


V = TypeVar("V", bound=ArrayLike)


class ForeignAt:
    """What `.at` of JAX has and ours has not."""

    __slots__ = ()


foreign(ForeignAt, "At", "multiply mul divide apply power min max get subtract")


class At(ForeignAt, Generic[V]):
    """`v.at[index]`: the elements of `v` to change; see `Value.at`."""

    __slots__ = ("index", "value")

    def __init__(self, value: V, *index: Any) -> None:
        self.value: V = value
        self.index: tuple[Any, ...] = index

    def __dir__(self) -> list[str]:
        return own(self)

    def __getitem__(self, index: Any) -> At[V]:
        return At(self.value, index)

    def set(self, x: Operand) -> V:
        """The Value with `x` in these elements."""
        return self._changed("at.set", x)

    def add(self, x: Operand) -> V:
        """The Value with `x` added to these elements."""
        return self._changed("at.add", x)

    def _changed(self, how: str, x: Operand) -> V:
        if not self.index:
            raise TypeError("v.at wants an index: v.at[i].set(x), or v.at[...].set(x) for every element")
        changed: V = FORMULAS[how](self.value, self.index[0], x)
        return changed
