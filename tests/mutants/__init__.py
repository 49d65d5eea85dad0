"""Mutants: how many small changes to the package no test would notice.

`python -m tests.mutants --seed 7 --count 100` draws changes at random over all places of the package that can be
changed, tries on each the tests that reach it, and prints those that no test saw. `changes` says what is changed,
`switches` puts a switch at each place drawn, `plugin` runs the tests, and `equivalent.txt` lists the changes that make
no difference, each with its reason.
"""
