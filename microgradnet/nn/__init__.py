"""Layers: objects that hold parameters and compute with them."""

from . import init
from .layers import ELU, MLP, LeakyReLU, Linear, ReLU, Sequential, Sigmoid, Softmax, Softplus, Tanh
from .module import Module
from .report import gradient_report

__all__ = [
    "ELU",
    "MLP",
    "LeakyReLU",
    "Linear",
    "Module",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "gradient_report",
    "init",
]
