"""Examples for the pages of the API, of what has none in its docstring: the last line of each is shown with its result."""

from __future__ import annotations

import ast
import io
from contextlib import redirect_stdout

X = "np.array([-2.0, -0.5, 0.0, 1.0])"
FEW = "np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])"
TWO = "x, y = np.array([[0.2, 0.8], [0.9, 0.4]]), np.array([[0.0, 1.0], [1.0, 0.0]])"
PAIRS = "a, b = np.array([[1.0, 0.0], [2.0, 2.0]]), np.array([[0.0, 3.0], [1.0, 1.0]])"
CONVERGED = "history = mg.fit(model := nn.Linear(1, 1, seed=0), x := np.ones((4, 1), np.float32), 2 * x, loss=\"mse\", " \
            "optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=2, seed=0, progress=False)"  # fmt: skip
CHECK = "report = mg.check_grads(lambda x: x**2, [1.0, 2.0])"
DRAW = "from hypothesis import find"

EXAMPLES: dict[str, str] = {
    "Drawing": 'mg.draw(Value(2.0, name="x") * 3)',
    "from_torch": "# mg.from_torch(torch.nn.Linear(3, 2))  gives an nn.Linear(3, 2) with the same weights\nnn.Linear(3, 2, seed=0)",
    "save_onnx": '# mg.save_onnx("model.onnx", model, x)  and onnxruntime.InferenceSession("model.onnx") computes the same\nnn.MLP(4, [3, 2], seed=0)',
    **{f"nn.{name}": f"nn.{name}()({X}).round(4)" for name in (
        "CELU", "ELU", "GELU", "SELU", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "LeakyReLU", "LogSigmoid", "Mish",
        "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softplus", "Softsign", "Step", "Tanh")},
    "nn.GLU": f"nn.GLU()({X}).round(4)",
    **{f"nn.{name}": f"nn.{name}(axis=1)({FEW}).round(4)" for name in ("LogSoftmax", "Softmax", "Softmin")},
    **{f"nn.{name}": f"{TWO}\nround(float(nn.{name}()(x, y)), 4)" for name in (
        "BCELoss", "BCEWithLogitsLoss", "HuberLoss", "L1Loss", "MSELoss", "PoissonNLLLoss", "SmoothL1Loss", "KLDivLoss")},
    **{f"nn.{name}": f"x, y = {FEW}, np.array([2, 0])\nround(float(nn.{name}()(x, y)), 4)" for name in (
        "CrossEntropyLoss", "MultiMarginLoss", "NLLLoss")},
    **{f"nn.{name}": f"x, y = {X}, np.array([1, -1, 1, 1])\nround(float(nn.{name}()(x, y)), 4)" for name in (
        "HingeEmbeddingLoss", "HingeLoss", "SoftMarginLoss")},
    "nn.GaussianNLLLoss": f"{TWO}\nround(float(nn.GaussianNLLLoss()(x, y, np.ones((2, 2)))), 4)",
    "nn.CosineEmbeddingLoss": f"{PAIRS}\nround(float(nn.CosineEmbeddingLoss()(a, b, np.array([1, -1]))), 4)",
    "nn.MarginRankingLoss": "round(float(nn.MarginRankingLoss()(np.array([1.0, 2.0]), np.array([2.0, 1.0]), np.array([1, 1]))), 4)",
    "nn.TripletMarginLoss": f"{PAIRS}\nround(float(nn.TripletMarginLoss()(a, b, a + 1)), 4)",
    "nn.CosineSimilarity": f"{PAIRS}\nnn.CosineSimilarity()(a, b).round(4)",
    "nn.PairwiseDistance": f"{PAIRS}\nnn.PairwiseDistance()(a, b).round(4)",
    "nn.init.generator": "nn.init.generator(0).normal(size=2).round(4)",
    **{f"nn.init.{name}": f"nn.init.{name}((2, 3), 0).round(4)" for name in (
        "kaiming_normal", "kaiming_uniform", "lecun_uniform", "normal", "orthogonal", "trunc_normal", "uniform",
        "xavier_normal", "xavier_uniform")},
    "nn.init.ones": "nn.init.ones((2, 3))",
    "nn.init.zeros": "nn.init.zeros((2, 3))",
    "data.Batches": "steps = data.batches(np.arange(5), np.arange(5) ** 2, 2, shuffle=False)\n[(x.tolist(), y.tolist()) for x, y in steps]",
    "data.Digits": "[part.shape for part in data.digits()]",
    "data.ImageFolder": '# data.image_folder("photos", size=(32, 32)) is one: photos/cats/1.png, photos/dogs/7.jpg, …\ndata.ImageFolder.__name__',
    "data.read_idx": '# data.read_idx("train-labels-idx1-ubyte.gz", axes=1)  gives the 60,000 labels\ndata.read_idx.__name__',
    "train.History": f"{CONVERGED}\nhistory[\"epoch\"], history[\"stopped\"]",
    "train.LearningRates": "# mg.find_lr(model, x, y, loss=\"mse\", optimizer=optimizer) returns them\ntrain.LearningRates(np.geomspace(0.001, 1, 40), np.linspace(2, 1, 40))",
    "gradcheck.Culprit": "wrong = mg.primitive(lambda g, out, x: g * x)(lambda x: x * x)\nmg.check_grads(wrong, 3.0).culprits[0].remedy",
    "gradcheck.Element": f"{CHECK}\nreport.elements[1].verdict, report.elements[1].analytic",
    "gradcheck.GradReport": f"{CHECK}\nbool(report), report.count(\"match\")",
    "gradcheck.Input": f"{CHECK}\nreport.inputs[0].analytic",
    "gradcheck.Slope": "slope, error = mg.numerical_grad(np.exp, 0.0, with_error=True)\nround(float(slope), 9), error < 1e-9",
    "testing.Domain": "domain = testing.Domain(0.5, 2.0)\ndomain.low, domain.high",
    "testing.case": 'testing.case("ab", (3, "b"), axis=0)',
    **{f"testing.{name}": text for name, text in {
        "shapes": f"{DRAW}\nfind(testing.shapes(), lambda shape: len(shape) == 2)",
        "broadcastable": f"{DRAW}\nfind(testing.broadcastable(2), lambda pair: pair[0] != pair[1])",
        "arrays": f"{DRAW}\nfind(testing.arrays((2,)), lambda x: True).shape",
        "values": f"{DRAW}\nfind(testing.values((2,)), lambda v: True).shape",
        "calls": f"{DRAW}\nsquare = mg.primitive(lambda g, out, x: 2 * g * x)(np.square)\nfind(testing.calls(square), lambda call: True)",
        "Call": f"{DRAW}\nsquare = mg.primitive(lambda g, out, x: 2 * g * x)(np.square)\nfind(testing.calls(square), lambda call: True).numbers().shape",
        "runs": f"{DRAW}\nfind(testing.runs(lambda seed: nn.Linear(3, 2, seed=seed), testing.case(\"n3\")), lambda run: True).inputs[0].shape",
        "Run": f"{DRAW}\nfind(testing.runs(lambda seed: nn.Linear(3, 2, seed=seed), testing.case(\"n3\")), lambda run: True).seed",
        "holds": "square = mg.primitive(lambda g, out, x: 2 * g * x)(np.square)\ntesting.holds(testing.OP_LAWS[0], testing.calls(square))",
        "property_test": "test_layer = testing.property_test(lambda seed: nn.Linear(4, 3, seed=seed), testing.case(\"n4\"))\ncallable(test_layer)",
    }.items()},
    "testing.exercises.Exercise": "[exercise.name for exercise in exercises.ALL]",
    "testing.exercises.Marks": "marks = exercises.tanh.mark(lambda g, out, x: g)\nmarks.points, marks.most, marks.hint",
    "testing.exercises.Node": 'a = exercises.Node("a")\nexercises.Node("b", a, a).inputs',
    "testing.exercises.Promise": "exercises.tanh.promises[0].text",
    "testing.exercises.Scores": "exercises.score({\"Ada\": {}}, (exercises.tanh,)).share(\"Ada\")",
    "testing.exercises.Wrong": 'exercises.Wrong("it returns 3", "return an array").hint',
    "plots.Played": "plots.play(nn.MLP(2, [2, 1], seed=0), [[0.0, 1.0], [1.0, 0.0]]).seconds",
    "plots.new_axes": "plots.new_axes(4, 3).figure.get_size_inches()",
}  # fmt: skip

BEGIN = (
    "import numpy as np, microgradnet as mg\n"
    "from microgradnet import Value, data, nn, optim, plots, testing, train\n"
    "from microgradnet.testing import exercises\n"
)


def shown(path: str) -> str:
    """The example of a public name, as a session with its result. KeyError where there is none."""
    lines = EXAMPLES[path].splitlines()
    names: dict[str, object] = {}
    exec(compile(BEGIN, "begin", "exec"), names)
    *before, last = lines
    held = io.StringIO()
    with redirect_stdout(held):
        exec(compile("\n".join(before), path, "exec"), names)
        result = eval(compile(ast.parse(last, mode="eval"), path, "eval"), names)
    session = [f">>> {line}" for line in lines] + [repr(result)]
    return "```python\n" + "\n".join(session) + "\n```"
