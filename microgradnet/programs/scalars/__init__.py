"""Programs of thousands of scalars, such as a network written neuron by neuron, read as arithmetic on arrays.

Chains of + become sums, and a sum takes the products in it along: Σ w·x. The rest is levelled: what depends on nothing
unknown is level 1, what depends on that level 2, and so on; what does the same on one level is one group, an operation
on arrays. Where the sums of a group are all rows of one table times all rows of another, the group is a product of
matrices. Sums are added up in another order: the results are equal within rounding.

`graph` numbers the scalars and finds the sums, `groups` makes the groups, `gathers` says how a group comes by its
operands, `arithmetic` what computes it, `residents` which parameters have their numbers in one array and `home` how
they have them there. `vectorise` is the pass that puts all this together.
"""
