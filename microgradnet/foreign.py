"""What others call what is here: names of PyTorch, JAX, TensorFlow, HIPS autograd, micrograd, tinygrad, SciPy, pandas.

Read when an error is about to be raised, and not before. In the sentences, v is a Value, model a Module, optimizer an
Optimizer; `np`, `nn`, `optim`, `functional`, `data`, `transforms` and `microgradnet` are themselves. A test holds every
name that is told to be one.
"""

from __future__ import annotations


def each(names: str, sentence: str) -> dict[str, str]:
    """One sentence for several names; `{}` in it stands for the name."""
    return {name: sentence.replace("{}", name) for name in names.split()}


def pairs(sentence: str, names: str) -> dict[str, str]:
    """A sentence with `{}` for the local name, for pairs such as "amax=max"."""
    return {theirs: sentence.replace("{}", ours) for theirs, ours in (pair.split("=") for pair in names.split())}


MOVES = "v.data is the ndarray, in main memory: nothing is moved"
IN_PLACE = "v.data = … moves a leaf; anything else is computed anew, v = v + x, or v = v.at[i].set(x)"
WHOLE = "v.data.astype(int) are integers, which have no gradient"
FUNCTIONS = "functional.{}(v)"
OF_NUMPY = "NumPy's own function takes Values: np.{}(v)"
OF_LINALG = "NumPy's own function takes Values: np.linalg.{}(v)"
ALL_BUT = "a plain array beside a Value is a constant, and so is v.data"
A_LIST = "a plain list of layers does: an nn.Module finds what is in it"
A_FUNCTION = "a function or layer of its own follows: nn.Sequential(nn.Linear(2, 3), np.tanh)"
A_ROW = "microgradnet.primitive(rule, …) makes a function with gradients of its own"
NO_SWITCH = "everything but what runs under microgradnet.no_grad() is recorded"

VALUE: dict[str, str] = {
    # micrograd
    "label": "v.name, and Value(data, name=…)",
    "_prev": "v.args are what it was computed from",
    "_op": "v.op is the row it was computed by",
    "_backward": "v.op.rules are the rules of the row that it was computed by",
    # shape
    **each("view view_as reshape_as", "v.reshape(shape) gives the same elements another shape"),
    "permute": "v.transpose(axes)",
    **each("t H adjoint", "v.T is the transpose, v.mT that of each matrix"),
    **each("unsqueeze expand_dims", "np.expand_dims(v, axis), or v[:, None]"),
    **each("expand expand_as broadcast_to", "np.broadcast_to(v, shape)"),
    "tile": "np.tile(v, counts)",
    "contiguous": "v.reshape(shape) works of any Value",
    "unflatten": "v.reshape(shape)",
    **each("numel nelement", "v.size is how many numbers it holds"),
    **each("dim ndimension", "v.ndim is the number of axes"),
    "get_shape": "v.shape",
    **each("chunk split unbind unstack", "np.split(v, parts, axis) cuts it"),
    **each("movedim moveaxis", "np.moveaxis(v, source, destination)"),
    "flat": "v.ravel()",
    "resize": "np.resize(v, shape)",
    # numbers, dtypes, places
    **each("numpy to_numpy values asnumpy _value", "v.data is the ndarray"),
    **each("cpu cuda to_device device devices is_cuda mps pin_memory get_device is_sparse layout", MOVES),
    **each("realize block_until_ready eval", "v.data is there at once: nothing waits to be computed"),
    **each("to type type_as cast", "v.astype(dtype) is the same in another dtype; there is one device"),
    "float": "v.astype(np.float32), or float(v.data) for a single number",
    **each("double float64", "v.astype(np.float64)"),
    **each("half bfloat16", "v.astype(np.float16)"),
    **each("int long short bool", WHOLE),
    "clone": "v.copy() is recorded, v.detach() is a new leaf",
    **each("nbytes itemsize strides flags base tobytes tofile dumps ctypes", "v.data.{}, of the ndarray"),
    **each("data_ptr element_size storage untyped_storage", "v.data is the ndarray"),
    "is_floating_point": "v.dtype is always a floating-point one",
    # gradients
    **each("freeze unfreeze", 'model.{}("layers.0.weight") does it, by the path of the parameter'),
    **each("requires_grad requires_grad_ trainable",
           f"every Value is differentiated; {ALL_BUT}. model.freeze() makes constants of parameters"),
    **each("retain_grad retains_grad", "v.grad is there for every Value after backward()"),
    **each("grad_fn creator", "v.op is the row it was computed by, v.args are its inputs"),
    "is_leaf": "v.op is None in a leaf",
    **each("register_hook register_post_accumulate_grad_hook", "v = microgradnet.hook(v, f) shows f its gradient"),
    **each("zero_grad cleargrad", "v.grad = None forgets it; model.zero_grad(), optimizer.zero_grad()"),
    **each("detach_ stop_gradient", "v.detach() is a new Value without history; functional.stop_gradient(v)"),
    "gradient": "v.grad, after v.backward()",
    # written in place
    **each("zero_ fill_ fill copy_ normal_ uniform_ assign assign_add assign_sub set_value set_ put itemset",
           f"{IN_PLACE}"),
    **each("add_ sub_ mul_ div_ clamp_ pow_ exp_ neg_ squeeze_ unsqueeze_ masked_fill_ scatter_ scatter_add_ "
           "index_add_ index_put_ index_copy_ index_fill_ relu_", f"{IN_PLACE}"),
    # elements
    "gather": "np.take_along_axis(v, indices, axis)",
    "index_select": "np.take(v, indices, axis), or v[indices]",
    "masked_select": "np.compress(mask, v), or v[mask]",
    **each("masked_fill where", "np.where(mask, x, v)"),
    **each("scatter scatter_add index_add index_put", "v.at[index].add(x), and v.at[index].set(x)"),
    "topk": "np.sort(v)[-k:], and np.argsort(v)",
    **each("sort flip roll diff unique", OF_NUMPY),
    **each("tril triu diag outer inner cross median quantile percentile average ptp sign ceil floor isnan isinf "
           "isfinite sinh cosh arcsin arccos arctan arcsinh arccosh arctanh log2 log10 exp2 reciprocal nanmean nansum "
           "partition conj conjugate real imag maximum minimum logaddexp matmul multiply divide add subtract negative",
           OF_NUMPY),
    **pairs(OF_NUMPY, "sub=subtract mul=multiply div=divide true_divide=divide neg=negative pow=power mm=matmul "
                      "bmm=matmul mv=matmul concat=concatenate cat=concatenate pad=pad eq=equal ne=not_equal "
                      "lt=less le=less_equal gt=greater ge=greater_equal asin=arcsin acos=arccos atan=arctan "
                      "fmod=fmod remainder=remainder trunc=trunc count_nonzero=count_nonzero"),
    **each("logical_and logical_or logical_not", OF_NUMPY),
    "rsqrt": "1 / np.sqrt(v)",
    **each("clamp clamp_min clamp_max clip_by_value", "v.clip(min, max)"),
    **each("amax max_along", "v.max(axis)"),
    "amin": "v.min(axis)",
    **each("norm", OF_LINALG),
    **pairs(OF_LINALG, "det=det inverse=inv inv=inv pinverse=pinv cholesky=cholesky svd=svd qr=qr logdet=slogdet "
                       "slogdet=slogdet matrix_power=matrix_power"),
    **each("softmax log_softmax logsumexp", "functional.{}(v, axis=-1)"),
    **each("gelu elu selu silu mish leaky_relu softplus relu6 hardtanh hardswish dropout layer_norm batch_norm linear "
           "conv2d max_pool2d avg_pool2d cross_entropy binary_cross_entropy", FUNCTIONS),
    **pairs(FUNCTIONS, "swish=silu leakyrelu=leaky_relu quick_gelu=gelu sparse_categorical_crossentropy=cross_entropy"),
    "erf": "scipy.special.erf(v)",
    "backwards": "v.backward()",
}  # fmt: skip

AT: dict[str, str] = {
    **each("multiply mul divide apply power", "v.at[i].set(v[i] * x)"),
    **each("min max", "v.at[i].set(np.{}imum(v[i], x))"),
    "get": "v[i]: np.take(v, i)",
    "subtract": "v.at[i].add(-x)",
}

DRAWING = each(
    "show view display plot open",
    'microgradnet.draw(v).save("graph.html") is a page to open; a notebook shows the last line of a cell by itself',
)
STEPS = each(
    "show view display play plot open run",
    'microgradnet.steps(v).save("backward.html") is a page that plays it; a notebook shows the last line of a cell',
)

LINEAR: dict[str, str] = {
    **each("neurons coef_", "linear.weight has a row for each neuron, and linear.bias a number"),
    **each("w W kernel weights", "linear.weight, (out_features, in_features)"),
    **each("b bias_ intercept_", "linear.bias"),
    **each("nonlin act activation", A_FUNCTION),
}

MODULE: dict[str, str] = {
    **each("to type float", "model.astype(np.float32) is a copy in that precision"),
    "double": "model.astype(np.float64) is a copy in that precision",
    **each("half bfloat16", "model.astype(np.float16) is a copy in that precision"),
    **each("cuda cpu to_device device mps", "there is one device, main memory; model.astype(dtype) changes the dtype"),
    "submodules": "model.modules() are all Modules in it, itself first",
    "buffers": "model.named_buffers() gives each with its path",
    "register_buffer": "an ndarray attribute is a buffer: self.mean = np.zeros(n). model.named_buffers() lists them",
    **each("register_parameter add_param add_weight self_param",
           "a Value attribute is a parameter: self.w = Value(array). model.parameters() lists them"),
    **each("add_module register_module", "a Module attribute is part of it: model.modules() lists them"),
    **each("requires_grad_ trainable requires_grad", "model.freeze() and model.unfreeze()"),
    "get_parameter": "dict(model.named_parameters())[path]",
    **each("get_submodule get_layer", "model.modules() are all Modules in it; an attribute is one by its name"),
    "register_full_backward_hook": "microgradnet.hook(v, f) in model.forward shows f a gradient",
    "compile": "microgradnet.fit(model, x, y, loss=…, optimizer=…) takes what Keras compiles in",
    "fit": "microgradnet.fit(model, x, y, loss=…, optimizer=…, epochs=…)",
    **each("predict predict_on_batch", "microgradnet.predict(model, x)"),
    "predict_proba": "microgradnet.estimators.Classifier(model) has it; or functional.softmax of what predict gives",
    **each("evaluate score", "microgradnet.evaluate(model, x, y, loss=…, metrics=…)"),
    **each("trainable_variables trainable_weights variables trainable_parameters", "model.parameters()"),
    **each("get_weights set_weights get_parameters", "model.state_dict() and model.load_state_dict(state)"),
    **each("count_params num_parameters num_params param_count", "model.parameter_count()"),
    **each("save save_weights save_pretrained", "microgradnet.save(path, model)"),
    **each("load load_weights from_pretrained", "microgradnet.load(path, model)"),
    **each("zero_grads cleargrads", "model.zero_grad()"),
    **each("init init_with_output build", "model.parameters() are there from the start: a layer is told its sizes"),
    "is_training": "model.training",
}  # fmt: skip

OPTIMIZER: dict[str, str] = {
    **each("learning_rate lr get_lr", 'optimizer.param_groups[0]["lr"]'),
    "add_param_group": "optimizer.param_groups are fixed; list all groups when it is made",
    **each("minimize apply_gradients apply_updates update",
           "loss.backward() and then optimizer.step(), with optimizer.zero_grad() before them"),
    **each("get_config get_state", "optimizer.state_dict()"),
    "set_state": "optimizer.load_state_dict(state)",
    "zero_grads": "optimizer.zero_grad()",
    "state": "optimizer.state_dict()",
}  # fmt: skip

VALUE_OF = "microgradnet.Value(array)"

PACKAGE: dict[str, str] = {
    **each("tensor Tensor as_tensor asarray from_numpy Variable variable var constant Scalar placeholder",
           f"{VALUE_OF} is differentiated, a plain array beside it is a constant"),
    "Parameter": f"{VALUE_OF} in an attribute of an nn.Module is a parameter",
    **each("randn rand randint normal uniform", "np.random.default_rng(seed) draws arrays"),
    **each("zeros ones eye", "np.{}(…) makes an array, Value(array) is differentiated"),
    **each("manual_seed set_seed set_random_seed seed PRNGKey key",
           "nn.Linear(…, seed=0): layers, batches and fit each take a seed"),
    **each("elementwise_grad egrad", "microgradnet.grad(lambda x: f(x).sum()) is the slope of each element"),
    **each("multigrad multigrad_dict grad_named", "microgradnet.grad(f, argnums=(0, 1))"),
    "grad_and_aux": "microgradnet.grad(f, has_aux=True)",
    **each("make_vjp linear_transpose", "microgradnet.vjp(f, *args)"),
    **each("make_jvp linearize make_jvp_reversemode", "microgradnet.jvp(f, args, tangents)"),
    **each("hessian_vector_product hessian_tensor_product make_hvp vhp", "microgradnet.hvp(f, args, tangents)"),
    **each("jacrev jacfwd tensor_jacobian_product", "microgradnet.jacobian(f)"),
    "holomorphic_grad": "microgradnet.grad(f), of real numbers",
    **each("op Op defvjp defjvp defgrad defvjp_argnums custom_vjp custom_jvp custom_gradient Function Primitive",
           A_ROW),
    **each("vmap pmap vectorize_map", "a batch is one more axis, for NumPy's functions and for nn.Linear"),
    **each("jit function njit", "microgradnet.compile(f)"),
    **each("remat gradient_checkpointing recompute", "microgradnet.checkpoint(f)"),
    **each("GradientTape Tape record tape", "Values record by themselves: microgradnet.grad(f), or v.backward()"),
    **each("autograd gradients gradient backward differentiate elementwise_gradient deriv value_and_grads",
           "microgradnet.grad(f), or v.backward()"),
    **each("enable_grad set_grad_enabled inference_mode no_backprop_mode nograd is_grad_enabled", NO_SWITCH),
    **each("detach stop_grad lax_stop_gradient", "v.detach(), or functional.stop_gradient(v)"),
    **each("is_tensor isvariable", "isinstance(x, microgradnet.Value)"),
    **each("device cuda cpu gpu devices set_device set_default_device",
           "microgradnet.Value holds an ndarray in main memory; there is one device"),
    **each("set_default_dtype get_default_dtype float_", "microgradnet.Value(array) keeps the dtype of an array"),
    **each("draw_dot plot_graph make_dot graph visualize", "microgradnet.draw(v)"),
    **each("Neuron Layer", "nn.Linear(n, 1), and nn.MLP(n, [16, 1])"),
    **each("cat concat", "np.concatenate([v, w])"),
    **each("unsqueeze", "np.expand_dims(v, axis)"),
    **each("permute", "np.transpose(v, axes)"),
    **each("clamp", "np.clip(v, low, high)"),
    **each("mm bmm mv", "np.matmul(v, w), or v @ w"),
    "gather": "np.take_along_axis(v, indices, axis)",
    "norm": "np.linalg.norm(v)",
    "lax": "np.where, np.cumsum and Python's own loops do: microgradnet.Value takes them all",
    "random": "np.random.default_rng(seed) draws arrays",
    "keras": "microgradnet.nn and microgradnet.fit",
    **each("trainer Trainer", "microgradnet.fit(model, x, y, …)"),
    **each("MLPClassifier NeuralNetClassifier sklearn", "microgradnet.estimators.Classifier(hidden=(16, 16))"),
    **each("MLPRegressor NeuralNetRegressor", "microgradnet.estimators.Regressor(hidden=(16, 16))"),
    **each("layers models modules flax linen equinox", "microgradnet.nn"),
    **each("metrics activations F", "microgradnet.functional"),
    **each("optimizers optax optimizer", "microgradnet.optim"),
    **each("datasets utils DataLoader Dataset dataloader", "microgradnet.data, with data.batches(x, y, size)"),
    **each("test_grads check_grad gradgradcheck test_util numgrad grad_check", "microgradnet.check_grads(f, x)"),
    **each("approx_fprime finite_difference numerical_gradient", "microgradnet.numerical_grad(f, x)"),
    **each("detect_anomaly set_detect_anomaly debug_nans debug_mode", "microgradnet.debug()"),
    **each("summary", "model.summary()"),
}  # fmt: skip

NN: dict[str, str] = {
    "Parameter": "a Value is a parameter: self.name = Value(array), a microgradnet.Value",
    **each("ModuleList ParameterList LayerList", A_LIST),
    **each("ModuleDict ParameterDict", "a plain dict of layers does: an nn.Module finds what is in it"),
    "Buffer": "a plain array in an nn.Module is a buffer",
    "Transformer": "nn.TransformerEncoder and nn.TransformerDecoder are its halves",
    "utils": "optim.clip_grad_norm_ and optim.clip_grad_value_ are in optim",
    **each("functional F", "microgradnet.functional"),
    **each("Neuron Layer", "nn.Linear(n, 1) is one, nn.MLP(n, [16, 1]) a network of them"),
    **each("Dense LazyLinear Affine FullyConnected", "nn.Linear(in_features, out_features)"),
    **each("Model Network Block Container Chain", "nn.Module, with a forward of your own; nn.Sequential(*layers)"),
    **each("Input InputLayer InputSpec", "nn.Linear(in_features, …) is told its sizes"),
    **each("Lambda Activation", "a function is a layer: nn.Sequential(nn.Linear(2, 3), np.tanh)"),
    **pairs("nn.{}", "Conv1D=Conv1d Conv2D=Conv2d Conv=Conv2d MaxPooling1D=MaxPool1d MaxPooling2D=MaxPool2d "
                     "MaxPool=MaxPool2d AveragePooling1D=AvgPool1d AveragePooling2D=AvgPool2d AvgPool=AvgPool2d "
                     "BatchNormalization=BatchNorm1d BatchNorm=BatchNorm1d SyncBatchNorm=BatchNorm2d "
                     "LayerNormalization=LayerNorm GroupNormalization=GroupNorm Embed=Embedding Swish=SiLU "
                     "Relu=ReLU Gelu=GELU Elu=ELU TanH=Tanh SimpleRNN=RNN RNNCell=RNN LSTMCell=LSTM GRUCell=GRU "
                     "MultiHeadAttention=MultiheadAttention SelfAttention=MultiheadAttention "
                     "MultiHeadDotProductAttention=MultiheadAttention CrossEntropy=CrossEntropyLoss "
                     "CategoricalCrossentropy=CrossEntropyLoss SparseCategoricalCrossentropy=CrossEntropyLoss "
                     "BinaryCrossentropy=BCELoss MeanSquaredError=MSELoss MSE=MSELoss MAE=L1Loss "
                     "MeanAbsoluteError=L1Loss Huber=HuberLoss KLDivergence=KLDivLoss "
                     "PositionalEncoding=sinusoidal Skip=Residual SkipConnection=Residual"),
    **pairs("nn.{}", "SpatialDropout1D=Dropout1d SpatialDropout2D=Dropout2d Conv1DTranspose=ConvTranspose1d "
                     "Conv2DTranspose=ConvTranspose2d ConvTranspose=ConvTranspose2d UpSampling1D=Upsample "
                     "UpSampling2D=Upsample UpsamplingNearest2d=Upsample UpsamplingBilinear2d=Upsample "
                     "ZeroPadding1D=ZeroPad1d ZeroPadding2D=ZeroPad2d InstanceNorm=InstanceNorm2d"),
    **pairs("nn.{} comes nearest", "AlphaDropout=Dropout FeatureAlphaDropout=Dropout2d MarginLoss=HingeLoss "
                                   "MultiLabelMarginLoss=MultiMarginLoss LocalResponseNorm=GroupNorm "
                                   "MultiLabelSoftMarginLoss=BCEWithLogitsLoss RReLU=LeakyReLU"),
    **each("Conv3d Conv3D ConvTranspose3d MaxPool3d AvgPool3d BatchNorm3d", "nn.Conv2d has two axes at most"),
    **each("GlobalAveragePooling1D GlobalAveragePooling2D", "nn.AdaptiveAvgPool2d(1) is over all places"),
    **each("GlobalMaxPooling1D GlobalMaxPooling2D", "nn.AdaptiveMaxPool2d(1) is over all places"),
    **each("LPPool1d LPPool2d", "(nn.AvgPool2d(k)(x**p) * k * k) ** (1 / p)"),
    **each("FractionalMaxPool2d MaxUnpool2d", "nn.AdaptiveMaxPool2d(output_size), and nn.Upsample"),
    "Reshape": "nn.Unflatten(axis, sizes), and lambda x: np.reshape(x, shape)",
    "ChannelShuffle": "nn.Unflatten(1, (groups, -1)), then np.swapaxes(x, 1, 2), then nn.Flatten(1, 2)",
    **each("Threshold Tanhshrink Softshrink Hardshrink",
           "a function of your own is a layer: nn.Sequential(nn.Linear(2, 3), f)"),
    **each("CTCLoss TripletMarginWithDistanceLoss AdaptiveLogSoftmaxWithLoss",
           "a formula with np.mean is a loss too; functional has those there are, such as functional.hinge_loss"),
    **each("DataParallel DistributedDataParallel",
           "with microgradnet.parallel.world() as world: fit(model, x, y, …, parallel=world), and mpiexec -n 4"),
    **each("Bilinear EmbeddingBag", "np.einsum, and nn.Embedding"),
    **each("compact Variable", "nn.Module: a Value attribute of it is a parameter"),
    **each("init_ initializers", "nn.init"),
}  # fmt: skip

FUNCTIONAL: dict[str, str] = {
    **pairs("functional.{}", "to_categorical=one_hot upsample=interpolate global_avg_pool=adaptive_avg_pool2d "
                             "log_sigmoid=logsigmoid hard_sigmoid=hardsigmoid soft_sign=softsign "
                             "cosine_distance=cosine_similarity l2_normalize=normalize "
                             "conv2d_transpose=conv_transpose2d conv_transpose=conv_transpose2d "
                             "mse=mse_loss mean_squared_error=mse_loss mean_absolute_error=l1_loss mae=l1_loss "
                             "nll=nll_loss huber=huber_loss hinge=hinge_loss kl_divergence=kl_div "
                             "binary_crossentropy=binary_cross_entropy bce=binary_cross_entropy "
                             "bce_loss=binary_cross_entropy bce_with_logits=binary_cross_entropy_with_logits "
                             "sigmoid_binary_cross_entropy=binary_cross_entropy_with_logits "
                             "sigmoid_cross_entropy_with_logits=binary_cross_entropy_with_logits "
                             "categorical_crossentropy=cross_entropy sparse_categorical_crossentropy=cross_entropy "
                             "softmax_cross_entropy=cross_entropy softmax_cross_entropy_with_logits=cross_entropy "
                             "softmax_cross_entropy_with_integer_labels=cross_entropy cross_entropy_loss=cross_entropy "
                             "swish=silu hard_tanh=hardtanh hard_swish=hardswish hard_silu=hardswish "
                             "relu_=relu dot_product_attention=scaled_dot_product_attention "
                             "attention=scaled_dot_product_attention leakyrelu=leaky_relu heaviside=step "
                             "affine=linear dense=linear max_pool=max_pool2d avg_pool=avg_pool2d conv=conv2d "
                             "logsoftmax=log_softmax log_sum_exp=logsumexp detach=stop_gradient"),
    **pairs("functional.{} comes nearest", "embedding_bag=embedding alpha_dropout=dropout rrelu=leaky_relu "
                                           "feature_alpha_dropout=dropout2d local_response_norm=group_norm "
                                           "multilabel_margin_loss=multi_margin_loss "
                                           "multilabel_soft_margin_loss=binary_cross_entropy_with_logits "
                                           "multi_head_attention_forward=scaled_dot_product_attention"),
    **each("reshape", "np.{}(v, …)"),
    "accuracy": 'microgradnet.evaluate(model, x, y, metrics=["accuracy"])',
    **each("cdist pdist", "functional.pairwise_distance(v[:, None], w[None])"),
    **each("threshold hardshrink", "np.where(condition, v, x), and np.clip(v, low, high)"),
    **each("softshrink", "v - np.clip(v, -x, x)"),
    **each("tanhshrink", "v - np.tanh(v)"),
    **each("gumbel_softmax", "functional.softmax(v + noise), with noise drawn by np.random.default_rng(seed)"),
    **each("conv3d conv_transpose3d", "functional.conv2d has two axes at most"),
    **each("max_pool3d avg_pool3d adaptive_avg_pool3d", "functional.max_pool2d and functional.avg_pool2d are here"),
    **each("lp_pool1d lp_pool2d", "(functional.avg_pool2d(v**p, k) * k * k) ** (1 / p)"),
    **each("max_unpool2d fractional_max_pool2d", "functional.adaptive_max_pool2d, and functional.interpolate"),
    **each("grid_sample affine_grid", "np.take(v, places), with shares of the four neighbours"),
    **each("channel_shuffle", "np.swapaxes(v.reshape(shape), 1, 2), with the groups as an axis"),
    **each("bilinear", "np.einsum"),
    **each("ctc_loss triplet_margin_with_distance_loss",
           "a formula with np.mean is a loss; functional.triplet_margin_loss is one"),
}  # fmt: skip

INIT: dict[str, str] = {
    **pairs("p.data = nn.init.{}(p.shape)",
            "normal_=normal uniform_=uniform zeros_=zeros ones_=ones orthogonal_=orthogonal constant_=constant "
            "xavier_normal_=xavier_normal xavier_uniform_=xavier_uniform kaiming_normal_=kaiming_normal "
            "kaiming_uniform_=kaiming_uniform trunc_normal_=trunc_normal eye_=eye"),
    **pairs("nn.init.{}(shape)", "glorot_uniform=xavier_uniform glorot_normal=xavier_normal he_uniform=kaiming_uniform "
                                 "he_normal=kaiming_normal GlorotUniform=xavier_uniform GlorotNormal=xavier_normal "
                                 "HeUniform=kaiming_uniform HeNormal=kaiming_normal truncated_normal=trunc_normal "
                                 "TruncatedNormal=trunc_normal RandomNormal=normal RandomUniform=uniform Zeros=zeros "
                                 "Ones=ones Constant=constant Orthogonal=orthogonal Identity=eye identity=eye "
                                 "dirac_=eye sparse_=normal lecun_normal=lecun_uniform variance_scaling=kaiming_normal "
                                 "VarianceScaling=kaiming_normal"),
}  # fmt: skip

OPTIM: dict[str, str] = {
    "lr_scheduler": "the schedules are in optim itself: optim.StepLR",
    **pairs("optim.{}", "sgd=SGD adam=Adam adamw=AdamW adagrad=Adagrad rmsprop=RMSprop lion=Lion RMSProp=RMSprop "
                        "AdaGrad=Adagrad Momentum=SGD MomentumSGD=SGD GradientDescent=SGD GradientDescentOptimizer=SGD "
                        "AdamOptimizer=Adam clip_grad_norm=clip_grad_norm_ clip_by_global_norm=clip_grad_norm_ "
                        "global_norm=clip_grad_norm_ clip_grad_value=clip_grad_value_ "
                        "ExponentialDecay=ExponentialLR exponential_decay=ExponentialLR CosineDecay=CosineAnnealingLR "
                        "cosine_decay_schedule=CosineAnnealingLR PiecewiseConstantDecay=MultiStepLR "
                        "join_schedules=SequentialLR MultiplicativeLR=LambdaLR PolynomialLR=LambdaLR "
                        "warmup=LinearLR LearningRateScheduler=LambdaLR Nadam=NAdam nadam=NAdam "
                        "radam=RAdam muon=Muon lbfgs=LBFGS reduce_on_plateau=ReduceLROnPlateau"),
    **pairs("optim.{} comes nearest", "Adamax=Adam AdaMax=Adam SparseAdam=Adam "
                                      "Adadelta=Adagrad ASGD=SGD Rprop=RMSprop LARS=SGD LAMB=AdamW CyclicLR=OneCycleLR "
                                      "CosineAnnealingWarmRestarts=CosineAnnealingLR ConstantLR=LinearLR "
                                      "ChainedScheduler=SequentialLR"),
    "Nesterov": "optim.SGD(params, lr, momentum=0.9, nesterov=True)",
    **each("apply_updates chain", "optim.SGD(params, lr).step() moves the parameters by itself"),
    **each("swa_utils AveragedModel EMA", "model.state_dict() gives copies of the numbers, to average"),
}  # fmt: skip

DATA: dict[str, str] = {
    **each("DataLoader Dataset TensorDataset dataloader Iterator from_tensor_slices", "data.batches(x, y, size)"),
    **each("random_split train_test_split train_val_split", "data.split(x, y, held_out=0.2)"),
    **each("to_categorical onehot", "data.one_hot(labels, classes)"),
    **each("MNIST load_mnist FashionMNIST", "data.mnist()"),
    **each("load_digits", "data.digits()"),
    **pairs("data.{}(n)", "make_moons=moons make_blobs=blobs make_spirals=spirals spiral=spirals make_circles=moons"),
}  # fmt: skip

# Where a name was looked for -> the name -> what there is instead.
INSTEAD: dict[str, dict[str, str]] = {
    "Value": VALUE, "At": AT, "Drawing": DRAWING, "Steps": STEPS, "Linear": LINEAR,
    "Module": MODULE, "Optimizer": OPTIMIZER, "microgradnet": PACKAGE,
    "microgradnet.nn": NN, "microgradnet.nn.init": INIT, "microgradnet.functional": FUNCTIONAL,
    "microgradnet.optim": OPTIM, "microgradnet.data": DATA,
    "microgradnet.transforms": {name: PACKAGE[name] for name in PACKAGE if name not in ("recompute", "gradients")},
}  # fmt: skip

# --------------------------------------------------------------------------------------------------------- arguments

# An argument of others -> what it is called here, the first of these that the function takes.
KEYWORDS: dict[str, str] = {
    "dim": "axis", "dims": "axis", "axes": "axis", "keepdim": "keepdims", "keep_dims": "keepdims",
    "argnum": "argnums", "wrt": "argnums", "argnames": "argnums", "label": "name", "_label": "name",
    "grad_tensors": "gradient", "grad": "gradient", "grad_outputs": "gradient", "output_gradients": "gradient",
    "learning_rate": "lr", "step_size": "lr", "alpha": "lr negative_slope", "epsilon": "eps", "beta_1": "betas",
    "beta_2": "betas", "beta1": "betas", "beta2": "betas", "b1": "betas", "b2": "betas", "decay": "weight_decay gamma",
    "wd": "weight_decay", "l2": "weight_decay", "rho": "alpha", "parameters": "params", "var_list": "params",
    "rate": "p", "drop_prob": "p", "drop_rate": "p", "dropout_rate": "p dropout", "prob": "p",
    "num_classes": "classes", "n_classes": "classes", "depth": "classes num_layers", "batch_size": "size",
    "batch": "batch_size size", "bs": "batch_size size", "n_samples": "n",
    "validation_data": "validation", "val_data": "validation", "valid": "validation",
    "callback": "callbacks", "verbose": "progress", "criterion": "loss", "loss_fn": "loss", "opt": "optimizer",
    "n_epochs": "epochs", "num_epochs": "epochs", "max_epochs": "epochs", "lr_scheduler": "scheduler",
    "early_stopping": "patience", "random_state": "seed", "rng": "seed", "key": "seed", "generator": "seed",
    "random_seed": "seed", "test_size": "held_out", "use_bias": "bias", "with_bias": "bias", "filters": "out_channels",
    "strides": "stride", "units": "out_features", "features": "out_features num_features", "nin": "in_features",
    "nout": "out_features", "nouts": "out_features", "n_in": "in_features", "n_out": "out_features",
    "input_dim": "in_features input_size num_embeddings", "output_dim": "out_features embedding_dim",
    "in_dim": "in_features", "out_dim": "out_features", "kernel_init": "init", "kernel_initializer": "init",
    "weight_init": "init", "initializer": "init", "n_channels": "num_features", "d_model": "embed_dim",
    "num_hiddens": "hidden_size", "vocab_size": "num_embeddings", "size_average": "reduction", "reduce": "reduction",
    "labels": "target", "y_true": "target", "targets": "target", "logits": "input", "y_pred": "input",
    "pred": "input", "predictions": "input", "T_0": "T_max",
    "decay_rate": "gamma", "decay_steps": "step_size T_max", "warmup_steps": "total_iters", "train": "training",
    "is_training": "training", "deterministic": "training", "normalized_axes": "normalized_shape",
    "max_value": "max_norm clip_value",
    "gray": "grey", "image_size": "size", "target_size": "size", "clip_norm": "clip",
    "gradient_clip_val": "clip", "clipnorm": "clip", "max_grad_norm": "clip",
    "accumulate_grad_batches": "accumulate", "gradient_accumulation_steps": "accumulate",
}  # fmt: skip

# And what has no counterpart: why it can be left out, or what is done instead.
LEFT_OUT: dict[str, str] = {
    "inplace": "nothing is computed in place. Leave it out",
    "device": "there is one device, main memory. Leave it out",
    "requires_grad": f"every Value is differentiated. Leave it out; {ALL_BUT}",
    "trainable": f"every Value is differentiated. Leave it out; {ALL_BUT}",
    **each("retain_graph keep_graph persistent", "the graph stays, unless release=True. Leave it out"),
    "unbiased": "ddof=1 is unbiased=True, ddof=0 is unbiased=False",
    "correction": "here it is ddof=",
    "dtype": "the dtype is that of the array: Value(np.array(x, dtype))",
    "_children": "v.args of a result are what it was computed from",
    "_op": "v.op of a result is the row that it was computed by",
    "_prev": "v.args of a result are what it was computed from",
    **each("activation nonlin", A_FUNCTION),
    "input_shape": "layers are told their sizes one by one: nn.Linear(in_features, out_features)",
    "native": 'backend="native" is machine code, backend="numpy" runs anywhere',
    "foreach": "small parameters are moved together anyway. Leave it out",
    "fused": "small parameters are moved together anyway. Leave it out",
    "capturable": "there is one device. Leave it out",
    "differentiable": "a step is not recorded. Leave it out",
    "kernel_regularizer": "the weight_decay of an optimiser does it",
    "clipnorm": "optim.clip_grad_norm_(model.parameters(), max_norm) before the step does it",
    "clipvalue": "optim.clip_grad_value_(model.parameters(), clip_value) before the step does it",
    "allow_int": "integers have no gradient. Cast them first: array.astype(float)",
    "holomorphic": "only real numbers are differentiated. Leave it out",
    **each("on_batch on_epoch",
           "callbacks=[f] calls a function after each epoch, one that is named on_batch after each batch"),
    "num_workers": "batches are dealt out by this process. Leave it out",
    "pin_memory": "there is one device. Leave it out",
    "validation_split": "data.split(x, y, held_out=0.2) cuts a part off, for validation=",
    "sample_weight": "a weight is part of your own loss function",
    "name": "a layer is named by the attribute that holds it",
}  # fmt: skip
