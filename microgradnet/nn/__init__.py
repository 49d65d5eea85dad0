"""Layers: objects that hold parameters and compute with them. Names and arguments are PyTorch's where it has them."""

from . import init
from .activations import (
    ELU,
    GELU,
    SELU,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    LogSoftmax,
    Mish,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Step,
    Tanh,
)
from .attention import MultiheadAttention, TransformerEncoderLayer, sinusoidal
from .containers import MLP, Flatten, Residual, Sequential
from .conv import AvgPool1d, AvgPool2d, Conv1d, Conv2d, MaxPool1d, MaxPool2d
from .linear import Embedding, Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, Dropout, GroupNorm, LayerNorm, RMSNorm
from .recurrent import GRU, LSTM, RNN

__all__ = [
    "ELU", "GELU", "GRU", "LSTM", "MLP", "RNN", "SELU", "AvgPool1d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d",
    "Conv1d", "Conv2d", "Dropout", "Embedding", "Flatten", "GroupNorm", "Hardswish", "Hardtanh", "Identity",
    "LayerNorm", "LeakyReLU", "Linear", "LogSoftmax", "MaxPool1d", "MaxPool2d", "Mish", "Module",
    "MultiheadAttention", "RMSNorm", "ReLU", "ReLU6", "Residual", "Sequential", "SiLU", "Sigmoid", "Softmax",
    "Softplus", "Step", "Tanh", "TransformerEncoderLayer", "init", "sinusoidal",
]  # fmt: skip
