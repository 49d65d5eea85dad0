"""Programs as machine code. In reading order:

- `lowering` writes rows out as elements, sums and products; `kinds` says which nodes run natively, and as what.
- `plan` decides all before a line is written: `arrays`, in whose memory each node's numbers lie; `steps`, the nodes
  that are done at once; `arena`, where in one block of memory the numbers are.
- `loops`, `products` and `pieces` write a step as an LLVM function, which is `given` addresses and numbers; `llvm` has
  the text of functions, of elements, and the compiler; `llvm_math` exp, log and tanh.
- `segments` are runs of steps; `entry` the function that CPython calls for one, which finds the numbers in the objects
  as `cpython` says; `blas` has the matrix products that NumPy brings.
- `writer` writes the Python function around the segments, and `program` is what runs; `lists` says before each run
  whether the lists around a step hold what they held.
"""
