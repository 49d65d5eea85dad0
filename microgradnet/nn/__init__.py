"""Layers: objects that hold parameters and compute with them. Names and arguments are PyTorch's where it has them."""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = [
    "ELU", "GELU", "GRU", "LSTM", "MLP", "RNN", "SELU", "AvgPool1d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss",
    "BatchNorm1d", "BatchNorm2d", "Conv1d", "Conv2d", "CrossEntropyLoss", "Dropout", "Embedding", "Flatten",
    "GroupNorm", "Hardswish", "Hardtanh", "HingeEmbeddingLoss", "HingeLoss", "HuberLoss", "Identity", "KLDivLoss",
    "L1Loss", "LayerNorm", "LeakyReLU", "Linear", "LogSoftmax", "MSELoss", "MaxPool1d", "MaxPool2d", "Mish", "Module",
    "MultiMarginLoss", "MultiheadAttention", "NLLLoss", "RMSNorm", "ReLU", "ReLU6", "Residual", "Sequential", "SiLU",
    "Sigmoid", "SmoothL1Loss", "Softmax", "Softplus", "Step", "Tanh", "TransformerEncoderLayer", "gradient_report",
    "init", "sinusoidal",
]  # fmt: skip

if TYPE_CHECKING:
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
    from .losses import (
        BCELoss,
        BCEWithLogitsLoss,
        CrossEntropyLoss,
        HingeEmbeddingLoss,
        HingeLoss,
        HuberLoss,
        KLDivLoss,
        L1Loss,
        MSELoss,
        MultiMarginLoss,
        NLLLoss,
        SmoothL1Loss,
    )
    from .module import Module
    from .norm import BatchNorm1d, BatchNorm2d, Dropout, GroupNorm, LayerNorm, RMSNorm
    from .recurrent import GRU, LSTM, RNN
    from .report import gradient_report
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {
        "activations": "ELU GELU SELU Hardswish Hardtanh Identity LeakyReLU LogSoftmax Mish ReLU ReLU6 SiLU Sigmoid "
                       "Softmax Softplus Step Tanh",
        "attention": "MultiheadAttention TransformerEncoderLayer sinusoidal",
        "containers": "MLP Flatten Residual Sequential",
        "conv": "AvgPool1d AvgPool2d Conv1d Conv2d MaxPool1d MaxPool2d",
        "init": "init",
        "linear": "Embedding Linear",
        "losses": "BCELoss BCEWithLogitsLoss CrossEntropyLoss HingeEmbeddingLoss HingeLoss HuberLoss KLDivLoss L1Loss "
                  "MSELoss MultiMarginLoss NLLLoss SmoothL1Loss",
        "module": "Module",
        "norm": "BatchNorm1d BatchNorm2d Dropout GroupNorm LayerNorm RMSNorm",
        "recurrent": "GRU LSTM RNN",
        "report": "gradient_report",
    })  # fmt: skip
