"""Where CPython and NumPy keep what native code reads of their objects, and machine code as a function of Python's.

A call through `ctypes` takes half as long as a whole small step, so native code is called as NumPy's own functions are:
it is handed the objects and finds the numbers in them. Where they lie is the same in every build of CPython with a
GIL; `fits` tries it out on real objects, and without it nothing runs natively.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

HEAD = object.__basicsize__  # a count of references and a type come first
TYPE = HEAD - 8
# Of an array, and of the double in a float; NumPy's C interface has them public.
DATA, NDIM, DIMENSIONS, STRIDES, DTYPE, FLAGS = (HEAD + 8 * i for i in (0, 1, 2, 3, 5, 6))
ALIGNED, WRITEABLE = 0x100, 0x400
LENGTH, ITEMS = HEAD, HEAD + 8  # of a list


class Method(ctypes.Structure):
    """CPython's `PyMethodDef`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


FASTCALL = 0x80
_kept: list[Method] = []  # a function of Python's points into it for as long as it lives


def function_at(address: int, name: str) -> Callable[..., Any]:
    """Machine code, `PyObject *f(PyObject *self, PyObject **args, Py_ssize_t n)`, as a function."""
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    _kept.append(Method(name.encode(), address, FASTCALL, None))
    made: Callable[..., Any] = new(ctypes.addressof(_kept[-1]), None, None)
    return made


def address_of(name: str) -> int:
    """Where a function of CPython's C interface is in memory."""
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


@functools.cache
def fits() -> bool:
    """Whether objects look as native code reads them."""
    if sys.implementation.name != "cpython" or HEAD != 16 or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    array = np.empty((3, 5), np.float32)[:, ::2]
    word, half = ctypes.c_int64.from_address, ctypes.c_int32.from_address
    at, pair = id(array), [array, None]
    return (
        word(at + TYPE).value == id(np.ndarray)
        and word(at + DATA).value == array.ctypes.data
        and half(at + NDIM).value == 2
        and [word(word(at + DIMENSIONS).value + 8 * i).value for i in (0, 1)] == [3, 3]
        and [word(word(at + STRIDES).value + 8 * i).value for i in (0, 1)] == [20, 8]
        and word(at + DTYPE).value == id(np.dtype(np.float32))
        and half(at + FLAGS).value & (ALIGNED | WRITEABLE) == ALIGNED | WRITEABLE
        and ctypes.c_double.from_address(id(FLOAT) + DATA).value == FLOAT
        and word(id(pair) + LENGTH).value == 2
        and [word(word(id(pair) + ITEMS).value + 8 * i).value for i in (0, 1)] == [id(array), id(None)]
    )


FLOAT = 1234.5
