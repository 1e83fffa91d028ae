# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The command line of tools/run: options, then a program, then the program's own words."""

import os
import re
from dataclasses import dataclass, field

from . import status

USAGE = (
    "usage: tools/run [--smp N] [--memory SIZE] [--dir HOST[::GUEST]]... [--env K=V]...\n"
    "                 [--append BOOTARGS] [--trace FILE] [--gdb] [--console]\n"
    "                 [program.wasm [args...]]"
)


class CommandLineError(Exception):
    """The command line cannot be followed; `exit_status` says how to end."""

    def __init__(self, message, exit_status=status.USAGE):
        super().__init__(message)
        self.exit_status = exit_status


@dataclass
class Options:
    """What the command line asks for."""

    smp: int = 1
    memory: str = "128M"
    directories: list = field(default_factory=list)  # (host path, guest path)
    environment: list = field(default_factory=list)  # "K=V"
    bootargs: list = field(default_factory=list)
    trace: str | None = None  # where the trace goes
    gdb: bool = False
    console: bool = False
    help: bool = False
    program: str | None = None
    arguments: list = field(default_factory=list)


def _harts(value):
    if not re.fullmatch(r"[0-9]{1,3}", value) or not 1 <= int(value) <= 512:
        raise CommandLineError(f"--smp: '{value}' is not a number of harts (1 to 512)")
    return int(value)


def _memory(value):
    if not re.fullmatch(r"[1-9][0-9]*[KMGkmg]?", value):
        raise CommandLineError(f"--memory: '{value}' is not a size (such as 64M or 4G)")
    # QEMU takes a bare number for mebibytes, as everybody does here.
    return value.upper()


def _directory(value):
    host, separator, guest = value.partition("::")
    if not os.path.isdir(host):
        raise CommandLineError(f"--dir: no directory '{host}'")
    return host, guest if separator and guest else host


def _environment(value):
    if "=" not in value or value.startswith("="):
        raise CommandLineError(f"--env: '{value}' is not NAME=VALUE")
    return value


def _new_file(option, value):
    folder = os.path.dirname(value) or "."
    if not value or os.path.isdir(value) or not os.path.isdir(folder):
        raise CommandLineError(f"{option}: '{value}' cannot be written")
    return value


def parse(words):
    """Options end at the first word that is none; what follows belongs to the program."""
    options = Options()
    with_value = {
        "--smp": lambda v: setattr(options, "smp", _harts(v)),
        "--memory": lambda v: setattr(options, "memory", _memory(v)),
        "--dir": lambda v: options.directories.append(_directory(v)),
        "--env": lambda v: options.environment.append(_environment(v)),
        "--append": lambda v: options.bootargs.append(v),
        "--trace": lambda v: setattr(options, "trace", _new_file("--trace", v)),
    }
    flags = ("--gdb", "--console", "--help")
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "--":
            break
        name, separator, value = word.partition("=")
        if name in with_value:
            if not separator:
                if not rest:
                    raise CommandLineError(f"{name} needs a value")
                value = rest.pop(0)
            with_value[name](value)
        elif word in flags:
            setattr(options, word[2:], True)
        else:
            raise CommandLineError(f"unknown option '{word}'")
    if rest:
        options.program, options.arguments = rest[0], rest[1:]
        if not os.path.isfile(options.program):
            raise CommandLineError(f"no such program: '{options.program}'", status.NOT_FOUND)
        if not os.access(options.program, os.R_OK):
            raise CommandLineError(f"cannot read '{options.program}'", status.NOT_FOUND)
    return options
