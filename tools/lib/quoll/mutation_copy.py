# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A copy of the sources in which mutations are tried, one after the other."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile

from quoll import mutation, mutation_switch
from quoll.mutation_plan import plan_for

# How much longer than it computes a test may take, on a machine that others use too.
PATIENCE = 60
# What models with one preemption may take, in seconds: they need one.
SOON = 20


def run(words, seconds=None, **options):
    """Status and output; no status when the time was over. Seconds are those that each process
    computes: how busy the machine is says nothing of a mutation."""
    if seconds is not None:
        processor = (resource.RLIMIT_CPU, (seconds, seconds))
        options["preexec_fn"] = lambda: resource.setrlimit(*processor)
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            words, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, **options
        )
        try:
            status = process.wait(PATIENCE * seconds if seconds is not None else None)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            status = None
        out.seek(0)
        return status, out.read().decode(errors="replace")


def fault_in(status):
    """How a test has failed; nothing when it has passed."""
    if status == 0:
        return ""
    return "over time" if status in (None, -signal.SIGKILL) else "failed"


def processor_time():
    """Seconds that processes have computed that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Copy:
    """A copy of the sources with a build of its own."""

    def __init__(self, original, folder, jobs):
        self.original = original
        self.folder = folder or tempfile.mkdtemp(prefix="quoll-mutate-")
        self.stays = bool(folder)
        self.root = os.path.join(self.folder, "source")
        self.build = os.path.join(self.folder, "build")
        self.jobs = jobs
        self.numbers = {}  # of the mutations that are compiled together
        self.refused = set()  # of these, what no compiler would take
        self.compiled = set()  # targets that have the others
        self.limits = {}  # seconds for each test, by what it takes without mutations
        self.measured = os.path.join(self.folder, "limits.json")  # those of the last proof

    def make(self, together):
        """As it was committed, but for those mutations: all of them are in the sources, and each is
        chosen by its number."""
        if os.path.exists(os.path.join(self.root, ".git")):
            head = ["git", "-C", self.original, "rev-parse", "HEAD"]
            commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
            change = ["git", "-C", self.root, "checkout", "--quiet", "--force", "--detach", commit]
            subprocess.run(change, check=True)
        else:
            add = ["git", "-C", self.original, "worktree", "add", "--quiet", "--detach", self.root]
            subprocess.run(add, check=True)
        # What takes the time is compiling: nobody debugs a mutant, and few need UBSan to be seen.
        flags = "-O1 -g0"
        if together:
            flags += f" -include {self.put_together(together)}"
        configure = ["cmake", "--preset", "host", "-B", self.build, "-DQUOLL_SANITIZE=address"]
        configure += ["-DCMAKE_BUILD_TYPE=Mutant", f"-DCMAKE_CXX_FLAGS_MUTANT={flags}"]
        subprocess.run(configure, cwd=self.root, check=True, stdout=subprocess.DEVNULL)

    def put_together(self, mutants):
        """Writes the sources that have them all; the header that they need."""
        self.numbers = {mutant: number for number, mutant in enumerate(mutants)}
        for file in sorted({mutant.file for mutant in mutants}):
            path = os.path.join(self.root, file)
            with open(path, encoding="utf-8") as source:
                text = source.read()
            numbered = [(n, mutant) for mutant, n in self.numbers.items() if mutant.file == file]
            can = {m: mutation_switch.can_switch(m, text.splitlines()) for _, m in numbered}
            for mutant in (m for m in can if can[m] is False):
                raise ValueError(f"cannot be chosen when a program runs: {mutant.describe()}")
            self.refused |= {mutant for mutant in can if can[mutant] is None}
            with open(path, "w", encoding="utf-8") as source:
                source.write(mutation_switch.switch(text, [(n, m) for n, m in numbered if can[m]]))
        header = os.path.join(self.folder, "mutant.hpp")
        with open(header, "w", encoding="utf-8") as source:
            source.write(mutation_switch.HEADER)
        return header

    def remove(self):
        """Leaves nothing behind, unless it shall stay."""
        if self.stays:
            return
        run(["git", "-C", self.original, "worktree", "remove", "--force", self.root])
        shutil.rmtree(self.folder, ignore_errors=True)

    def has_target(self, target):
        """Whether it can be built."""
        return run(["ninja", "-C", self.build, "-t", "query", target])[0] == 0

    def compile(self, target, is_mutant=True):
        """What was said when it failed; nothing otherwise."""
        if target in self.compiled:
            return ""
        words = ["ninja", "-C", self.build, f"-j{self.jobs}", target]
        # What is compiled once need not be remembered.
        more = {"CCACHE_DISABLE": "1"} if is_mutant and not self.numbers else {}
        status, said = run(words, env={**os.environ, **more})
        if status != 0 and self.numbers:
            raise ValueError(f"{target} with all mutations: {said[-3000:]}")
        if self.numbers:
            self.compiled.add(target)
        return "" if status == 0 else said

    def command_of(self, test):
        """How it is run: by itself, for its own limit is in seconds of a clock."""
        words = ["ctest", "--test-dir", self.build, "-R", f"^{re.escape(test)}$"]
        words += ["--show-only=json-v1"]
        known = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        return known["tests"][0]["command"]

    def fault_of(self, test):
        """How it fails: `failed` or `over time`; nothing when it passes."""
        # The first failure ends the program. (Skipping what follows would look like a skipped test.)
        env = {**os.environ, "GTEST_BREAK_ON_FAILURE": "1"}
        return fault_in(run(self.command_of(test), seconds=self.limits[test], env=env)[0])

    def fault_soon_of(self, target, test):
        """The same for models with one preemption, which are tried in a second."""
        words = [os.path.join(self.build, "tests/races", target), "--bound", "1"]
        return fault_in(run(words, seconds=min(SOON, self.limits[test]))[0])

    def prove_sound(self, mutants, is_known):
        """Builds and runs once what those mutations need, unless that is known to pass; what fails,
        or nothing."""
        measured = {}
        if is_known and os.path.exists(self.measured):
            with open(self.measured, encoding="utf-8") as text:
                measured = json.load(text)
        for target, test in dict.fromkeys(s for m in mutants for s in plan_for(m.file, m.rule)):
            if not self.has_target(target):
                continue
            self.limits[test] = measured.get(test, 300)
            if is_known:
                continue
            said = self.compile(target, is_mutant=False)
            if said:
                return said[-3000:]
            begun = processor_time()
            fault = self.fault_of(test)
            if fault:
                return f"{test} {fault}"
            self.limits[test] = int(10 + 3 * (processor_time() - begun))
        if not is_known:
            with open(self.measured, "w", encoding="utf-8") as text:
                json.dump(self.limits, text)
        return ""


def judge(copy, mutant):
    """`caught`, `survived` or `unbuildable`, and by whom."""
    if mutant in copy.refused:
        return ("unbuildable", "")
    if mutant in copy.numbers:
        os.environ["QUOLL_MUTANT"] = str(copy.numbers[mutant])
        return judge_built(copy, mutant)
    sound = mutation.apply(copy.root, mutant)
    try:
        return judge_built(copy, mutant)
    finally:
        with open(os.path.join(copy.root, mutant.file), "w", encoding="utf-8") as source:
            source.write(sound)


def judge_built(copy, mutant):
    """The same for one that is in the sources."""
    plan = [step for step in plan_for(mutant.file, mutant.rule) if step[1] in copy.limits]
    # Models are one source each, and most that break do so at once: before all else.
    soon = [(step, True) for step in plan if step[1].startswith("races.")]
    for (target, test), is_soon in soon + [(step, False) for step in plan]:
        refused = copy.compile(target)
        if refused:
            by_analysis = "-Werror,-Wthread-safety" in refused
            return ("caught", "thread-safety analysis") if by_analysis else ("unbuildable", "")
        fault = copy.fault_soon_of(target, test) if is_soon else copy.fault_of(test)
        if fault:
            # Endless loops end so; a slow test may too, so it is told.
            return ("caught", test if fault == "failed" else f"{test} {fault}")
    return ("survived", "")
