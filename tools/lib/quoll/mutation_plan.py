# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which tests reach a source, by the target that they need: for a mutation of it, what is built and
run the soonest first."""

import fnmatch
import os

from quoll import mutation

UNIT = ("kernel_mem_test", "unit.kernel_mem")
MODELS = [("model_test", f"model.{name}") for name in ("kept", "failures", "random")]
THREADS = ("kernel_mem_thread_test", "unit.kernel_mem.threads")
OBJECT_THREADS = ("kernel_vmo_thread_test", "unit.kernel_vmo.threads")
RACES = {
    "libs/paging/": "page_table",
    "frame_alloc/cache": "frame_cache",
    "frame_alloc/reference": "reference_count",
    "activation": "activation",
    "asid": "asid",
}

TASK_UNIT = ("async_test", "unit.async")
TASK_THREADS = ("async_thread_test", "unit.async.threads")
# The programs of `tests/races` that explore a source of tasks, the likeliest to notice first. What
# all of them stand on is explored by those of the last row.
TASK_RACES = {
    "queue executor": ("run_queue", "steal_ring", "mailbox"),
    "executor": ("executor", "parked_harts"),
    "executor wait": ("task_list",),
    "channel end": ("channel", "unbounded_channel", "broadcast"),
    "lock end": ("mutex", "rw_lock", "semaphore"),
    "meeting end": ("barrier", "condition", "once"),
    "signal": ("signal",),
    "combine": ("children", "scope", "when_any", "cancel_link", "timeout", "timer", "timer_wheel"),
    "wait lock combine": ("cancel", "lock", "wait_list"),
    "wait lock end combine": ("wait",),
    "wait end combine": ("wait_queue",),
    "wait combine executor": ("join", "task", "task_header", "promise_link"),
    # The models have words of their own, and no `when_all` and nothing to reclaim.
    "": ("words", "when_all", "grace_period"),
}

# What only some interleavings show; tests of one thread come first for everything else.
CONCURRENT = ("order", "fence", "lock", "step", "weaker", "look")


def is_policy(file):
    """Whether it is one of those above page tables and frames."""
    return any(
        fnmatch.fnmatch(file, pattern.replace("**", "*")) for pattern in mutation.PARTS["policy"]
    )


def races_of_task_source(file):
    """The programs for a source of `libs/async`, in order."""
    name = os.path.splitext(os.path.basename(file))[0]
    parts = next(parts for parts, names in TASK_RACES.items() if name in names)
    return [f"async_{part}" for part in parts.split()]


def plan_for_tasks(file, rule):
    """The tests for a mutation of `libs/async`, in order."""
    races = [(f"{name}_races", f"races.{name}") for name in races_of_task_source(file)]
    if rule in CONCURRENT:
        return [*races, TASK_THREADS, TASK_UNIT]
    return [TASK_UNIT, *races, TASK_THREADS]


def plan_for(file, rule="order"):
    """The tests for a mutation, in order."""
    if file.startswith(mutation.ASYNC):
        return plan_for_tasks(file, rule)
    if is_policy(file):
        threads = [OBJECT_THREADS, THREADS] if "/vmo" in file else [THREADS, OBJECT_THREADS]
        return [UNIT, *threads, *MODELS]
    races = [(f"{name}_races", f"races.{name}") for part, name in RACES.items() if part in file]
    paging = [("paging_test", "unit.paging"), ("paging_thread_test", "unit.paging.threads")]
    plan = paging if "libs/paging/" in file else [UNIT]
    plan = races + plan if rule in CONCURRENT else plan + races
    plan += [UNIT, THREADS]
    if "frame_alloc" in file:
        plan += MODELS[:1]
    return list(dict.fromkeys(plan))


def cost(file):
    """How much is compiled again before a test can fail, roughly."""
    if file.endswith(".cpp"):
        return 0
    if any(part in file for part in RACES) or "/src/" in file:
        return 2 if "libs/paging/" in file else 1
    return 3
