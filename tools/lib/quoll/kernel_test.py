# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Runs the kernel test image.

    kernel_test.py BUILD_DIRECTORY [--smp N] [--memory SIZE] [--cpu MODEL] [--append BOOTARG]...
                   [--shuffle SEED] [--junit FILE] [--deaths] [--says LINE] [--hang SECONDS]
                   [--quiet] [--counted] [--turn MICROSECONDS] [FILTER]

A test that stops or hangs its machine is named, and another machine goes on behind it. Tests that
must stop theirs (`KTEST_DEATH`) run only with `--deaths`, each in a machine of its own, and are
held to what they declare. With `--says` LINE must be on the console once. With `--counted` the
machine's time is its instructions, whatever the host does, and its harts run in turns as short as
`--turn` says. Ends with 0 when all tests passed, with 1 when some failed, and with 2 when a machine
stopped or hung."""

import contextlib
import glob
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from . import batch, counted, expectation, junit, kernel_console
from .kernel_console import FAILED, HUNG, PASSED, STOPPED

ALL_WELL, SOME_FAILED, MACHINE_STOPPED = 0, 1, 2


class Options:
    """The command line."""

    def __init__(self, words):
        self.build, words = words[0], list(words[1:])
        self.smp, self.memory, self.bootargs, self.extra = 1, "128M", [], []
        self.shuffle = self.junit = self.line = None
        self.hang_s = batch.HANG_S
        self.deaths = self.quiet = self.counted = False
        self.turn_us = counted.TURN_US
        takes = {
            "--smp": lambda v: setattr(self, "smp", int(v)),
            "--memory": lambda v: setattr(self, "memory", v),
            "--append": self.bootargs.append,
            "--cpu": lambda v: self.extra.extend(["-cpu", v]),
            "--shuffle": lambda v: setattr(self, "shuffle", v),
            "--junit": lambda v: setattr(self, "junit", v),
            "--says": lambda v: setattr(self, "line", v),
            "--hang": lambda v: setattr(self, "hang_s", float(v)),
            "--turn": lambda v: setattr(self, "turn_us", int(v)),
        }
        while words and words[0].startswith("--"):
            option = words.pop(0)
            if option == "--deaths":
                self.deaths = True
            elif option == "--quiet":
                self.quiet = True
            elif option == "--counted":
                self.counted = True
                self.bootargs.append("bench=tests")
            elif option in takes and words:
                takes[option](words.pop(0))
            else:
                raise SystemExit(f"{option}: unknown, or without its value\n{__doc__}")
        self.filter = words[0] if words else "*"

    def machine(self, smp):
        """What QEMU is to be asked for, as `counted.machine_of` gives it."""
        if self.counted:
            return counted.machine_of(smp, self.memory, self.extra, self.turn_us)
        return contextlib.nullcontext((smp, self.extra))


class Runner:
    """Boots machines until every test has had its turn."""

    def __init__(self, options, initrd):
        self.options = options
        self.initrd = initrd
        self.cases = {}
        self.seed = options.shuffle
        self.console = ""

    def boot(self, bootargs, smp=None):
        """One machine, to its end."""
        options = self.options
        with options.machine(smp or options.smp) as (harts, extra):
            result = batch.run(
                os.path.join(options.build, "quoll-test.img"),
                smp=harts,
                memory=options.memory,
                bootargs=[*options.bootargs, *bootargs],
                initrd=self.initrd,
                extra=extra,
                timeout_s=None,
                hang_s=options.hang_s,
            )
        if not options.quiet:
            print(result.console, flush=True)
        return result

    def run(self):
        """Runs the tests that share machines; the exit status."""
        after, machines_stopped = None, False
        while True:
            bootargs = [f"tests={self.options.filter}"]
            bootargs += [f"tests.shuffle={self.seed}"] if self.seed else []
            bootargs += [f"tests.after={after}"] if after else []
            result = self.boot(bootargs)
            self.console += result.console
            console = kernel_console.parse(result.console)
            # Another machine must find the tests in the same order.
            self.seed = console.seed or self.seed
            self.cases.update(console.cases)
            if console.has_ended and result.status in (0, 1):
                break
            machines_stopped = True
            if console.last_begun is None or console.last_begun == after:
                self._say(f"the machine {self._how(result)} outside of any test")
                return MACHINE_STOPPED
            self._blame(console.running, result)
            after = console.last_begun
        if machines_stopped:
            return MACHINE_STOPPED
        well = self.cases and all(case.is_well for case in self.cases.values())
        return ALL_WELL if well else SOME_FAILED

    def _blame(self, running, result):
        """One of these has stopped the machine; several are told apart by machines of their own."""
        for case in running:
            alone = result
            if len(running) > 1:
                alone = self.boot([f"tests={case.name}"])
                own = kernel_console.parse(alone.console).cases.get(case.name)
                if own is not None and own.outcome is not None:
                    self.cases[case.name] = own
                    continue
                case.output = own.output if own else case.output
            case.outcome = HUNG if alone.status is None else STOPPED
            self._say(f"{case.name} {self._how(alone)}")

    @staticmethod
    def _how(result):
        return "hung" if result.status is None else f"stopped with status {result.status}"

    @staticmethod
    def _say(line):
        print(f"kernel_test: {line}", flush=True)

    def run_deaths(self):
        """Runs the tests that stop their machines, several machines at a time."""
        listed = self.boot(["tests.list", f"tests={self.options.filter}"])
        tests = expectation.parse_list(listed.console)
        jobs = [
            (test, harts)
            for test in tests.values()
            if test.kind == "death"
            for harts in (test.harts or [self.options.smp])
        ]
        with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
            for case in pool.map(lambda job: self._die(*job), jobs):
                self.cases[case.name] = case
                print(f"[ {'      OK' if case.is_well else ' FAILED '} ] {case.name}", flush=True)
        well = self.cases and all(case.is_well for case in self.cases.values())
        return ALL_WELL if well else SOME_FAILED

    def _die(self, test, harts):
        name = test.name if len(test.harts) < 2 else f"{test.name}/{harts}"
        result = self.boot([f"tests={test.name}", *test.bootargs], harts)
        case = kernel_console.Case(name, PASSED)
        wrong = expectation.check(test, result.console, result.status, harts)
        if result.status is None:
            wrong.insert(0, "the machine hung")
        if wrong:
            case.outcome = FAILED
            case.output = [f"expected otherwise: {line}" for line in wrong]
            case.output += result.console.splitlines()
            print("\n".join(case.output), flush=True)
        return case


def main(words):
    """The exit status."""
    options = Options(words)
    programs = glob.glob(f"{options.build}/demos/*.wasm")
    programs += glob.glob(f"{options.build}/guests/*.wasm")
    with batch.archive_with(programs) as initrd:
        runner = Runner(options, initrd.name)
        if options.deaths:
            options.quiet = True
            status = runner.run_deaths()
        else:
            status = runner.run()
    cases = list(runner.cases.values())
    if options.junit:
        how = {"harts": options.smp, "memory": options.memory, "bootargs": options.bootargs}
        how |= {"filter": options.filter, "seed": runner.seed or "none"}
        junit.write(options.junit, "kernel", cases, how)
    bad = [case for case in cases if not case.is_well]
    for case in bad:
        print(f"kernel_test: {case.name}: {case.outcome or 'not run'}")
    print(f"kernel_test: {len(cases) - len(bad)} of {len(cases)} tests passed")
    if options.line is not None and runner.console.count(options.line) != 1:
        print(f"kernel_test: the console does not say once: {options.line}")
        return SOME_FAILED
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
