"""The text of LLVM functions as machine code, by llvmlite alone.

What compiling costs is what LLVM's passes cost, so each text has no more of them than it needs: long loops all, that
they become vectors; what is written as vectors two, that its sums are in registers and what it calls is where it is
called; an entry, which is run through once, none. Code is the same wherever its arrays lie: a text that was compiled
before is not compiled again.
"""

from __future__ import annotations

import functools
from typing import Any

from .llvm_math import definitions

GIVEN = {"floor": 1, "fabs": 1, "sqrt": 1, "copysign": 2, "maximum": 2, "minimum": 2}  # how many numbers
INTRINSICS = "\n".join(
    f"declare {t} @llvm.{name}.{bits}({', '.join([t] * count)})"
    for t, bits in (("float", "f32"), ("double", "f64"))
    for name, count in GIVEN.items()
)

HINTS = """
!0 = distinct !{!0, !1}
!1 = !{!"llvm.loop.vectorize.predicate.enable", i1 true}
!2 = distinct !{!2, !3}
!3 = !{!"llvm.loop.interleave.count", i32 4}
"""  # how a loop is made into vectors: the last one with a mask; or four at a time
KEPT = 16  # texts whose code is kept when no program has it any more


@functools.cache
def target(effort: int) -> Any:
    """The processor this runs on."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return processor(effort)


def processor(effort: int) -> Any:
    """The same, for one engine."""
    import llvmlite.binding as llvm

    return llvm.Target.from_default_triple().create_target_machine(
        opt=effort, cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), jit=True
    )


@functools.cache
def registers() -> tuple[int, int]:
    """How many vector registers the processor has, and of how many bytes."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 32, 64
    return (16, 32) if features.get("avx") else (32, 16) if "aarch64" in llvm.get_process_triple() else (16, 16)


class Machine:
    """Machine code of an LLVM module; it lives as long as this does."""

    def __init__(self, module: Any, effort: int) -> None:
        import llvmlite.binding as llvm

        self.engine: Any = llvm.create_mcjit_compiler(module, processor(effort))
        self.engine.finalize_object()

    def address(self, name: str) -> int:
        """Where one of its functions is in memory."""
        return int(self.engine.get_function_address(name))


def parsed(text: str) -> Any:
    """The LLVM module of a text."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text + HINTS)
    module.triple, module.data_layout = llvm.get_default_triple(), str(target(1).target_data)
    return module


@functools.lru_cache(KEPT)
def compiled(loops: str, vectors: str) -> Machine:
    """The code of functions of a program."""
    import llvmlite.binding as llvm

    # Where it has vectors of 512 bits it multiplies by powers of 2 in one instruction, which LLVM 22 knows.
    scales = bool(llvm.get_host_cpu_features().get("avx512f")) and llvm.llvm_version_info[0] >= 22
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization, options.slp_vectorization, options.loop_unrolling = True, False, False
    builder = llvm.create_pass_builder(target(1), options)
    module = parsed(f"{INTRINSICS}\n{definitions(loops, scales)}\n{loops}")
    builder.getModulePassManager().run(module, builder)
    few = llvm.create_new_module_pass_manager()
    few.add_always_inliner_pass()
    few.add_sroa_pass()
    straight = parsed(f"{definitions(vectors, scales)}\n{vectors}")
    few.run(straight, builder)
    module.link_in(straight)
    return Machine(module, 1)


def assembled(text: str) -> Machine:
    """The code of functions that are run through once: as they stand, which is compiled in no time."""
    return Machine(parsed(text), 0)
