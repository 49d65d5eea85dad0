"""What no contender can be faster than, by its kind: the products of matrices of a step and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .small_works import Step

SUMS = 12  # of vectors, in registers of their own; enough that none waits for itself


def products_of_network(work: Any) -> Step:
    """The products of matrices alone, into memory that is there: the floor for whoever leaves them to BLAS."""
    (weights, _), feed = work.start(), work.feed()
    sizes = [weights[0].shape[1], *(len(w) for w in weights)]
    rng = np.random.default_rng(2)
    a = [rng.random((work.batch, n)).astype("f4") for n in sizes]
    made = [np.empty_like(x) for x in a]
    gradients = [np.empty_like(w) for w in weights]

    def step() -> Any:
        a[0], _ = feed()
        for i, w in enumerate(weights):
            np.dot(a[i], w.T, made[i + 1])
        for i in range(len(weights) - 1, -1, -1):
            np.dot(a[i + 1].T, a[i], gradients[i])
            if i:
                np.dot(a[i + 1], weights[i], made[i])
        return 0.0

    return step


def multiplications_of_network(work: Any) -> Step:
    """As many multiply-adds as these products take, on numbers that stay in registers: the floor for anybody."""
    weights, _ = work.start()
    once = sum(w.size for w in weights)  # forward; as many for the gradients, and to get back through all but the first
    multiplications = (2 * once + once - weights[0].size) * work.batch
    return multiply_adds(multiplications)


def multiply_adds(count: int) -> Callable[[], float]:
    """A function that does so many multiply-adds, as vectors, in machine code."""
    from microgradnet.programs.native import cpython
    from microgradnet.programs.native.llvm import Function, constant
    from microgradnet.programs.native.machine import compiled
    from microgradnet.programs.native.vectors import Vectors, declarations

    f = Function()
    v = Vectors(f, "f")
    place = np.zeros(v.lanes, "f4")
    address = constant(place.ctypes.data)
    (sums,) = v.tile(1, [f"{v.type} zeroinitializer"] * SUMS)
    x = v.everywhere(f.load(address, "f"))
    with f.loop(-(-count // (SUMS * v.lanes))):
        for total in sums:
            v.add_product(total, f.new(f"load {v.type}, ptr {total}"), x)  # total · x + total
    for total in sums:
        v.store(f.new(f"load {v.type}, ptr {total}"), address)
    nothing = f"ptr {constant(id(None))}"
    f.do(f"call void {constant(cpython.address_of('Py_IncRef'))}({nothing})")
    text = f.text("define ptr @multiply(ptr %self, ptr %args, i64 %n)", f"ret {nothing}")
    code = compiled("", f"{declarations(text)}\n{text}")
    function = cpython.function_at(code.address("multiply"), "multiply")

    def multiply(held: Any = (code, place)) -> float:  # as long as it is called, they stay
        function()
        return 0.0

    return multiply
