#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`check_coroutines.py ELF...`: no coroutine keeps an address of its hart's stack in its frame.

A coroutine that waits may go on at another hart, on another stack. The compiler keeps what lives
across a wait in the coroutine's frame, and the addresses of locals are no exception: clang 19
computes `std::span(local)` once before a loop and leaves the local itself on the stack, if the two
are apart and a wait lies between (decision 0005). So the machine code is looked at: of each function
that goes on with a coroutine, which registers and which slots of its stack may hold an address of the
stack, on any path, and whether such a register is stored to the coroutine's frame.

A store that nothing reads after a wait is reported too: that cannot be seen here, and moving the local
into a function of its own costs nothing."""

import re
import subprocess
import sys

FUNCTION = re.compile(r"^([0-9a-f]+) <(.*)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
PLACE = re.compile(r"^(-?0x[0-9a-f]+|-?\d+)?\((\w+)\)$")
TARGET = re.compile(r"0x([0-9a-f]+)(?: <.*>)?$")
GOES_ON = "(.resume)"

# What a call leaves as it was (RISC-V calling convention).
KEPT = frozenset(["sp", "gp", "tp"] + [f"s{number}" for number in range(12)])
BRANCHES = frozenset("beq bne blt bge bltu bgeu beqz bnez blez bgez bltz bgtz bgt ble bgtu bleu".split())
STORES = frozenset("sb sh sw sd fsw fsd".split())
ENDS = frozenset("ret mret sret unimp ebreak tail jr".split())
FRAME, STACK = "frame", "stack"


class Instruction:
    """One line of a listing."""

    def __init__(self, address, name, operands):
        self.address, self.name = address, name
        words = operands.split(" <")[0] if name not in BRANCHES else operands
        self.operands = [word.strip() for word in words.split(",")] if words else []
        target = TARGET.search(operands.split("#")[0].strip())
        self.target = int(target.group(1), 16) if target else None
        self.text = f"{name} {operands}".strip()

    @property
    def is_call(self):
        """Whether it comes back to the next instruction."""
        if self.name == "jal":
            return len(self.operands) == 1 or self.operands[0] == "ra"
        return self.name in ("jalr", "call", "ecall")


class State:
    """What registers and slots of the stack may hold: sets of FRAME and STACK."""

    def __init__(self, registers=None, slots=None):
        self.registers = dict(registers or {})
        self.slots = dict(slots or {})

    def copy(self):
        """One that can be changed alone."""
        return State(self.registers, self.slots)

    def merge(self, other):
        """What either may hold; whether that is more than before."""
        grew = False
        for mine, theirs in ((self.registers, other.registers), (self.slots, other.slots)):
            for key, kinds in theirs.items():
                union = mine.get(key, frozenset()) | kinds
                grew |= union != mine.get(key)
                mine[key] = union
        return grew

    def of(self, register):
        """What a register may hold."""
        return self.registers.get(register, frozenset())

    def set(self, register, kinds):
        """What a register holds from here on."""
        if kinds:
            self.registers[register] = kinds
        else:
            self.registers.pop(register, None)


def step(state, instruction):
    """Changes `state` as the instruction does; whether it stores an address of the stack to the
    coroutine's frame."""
    name, operands = instruction.name, instruction.operands
    if instruction.is_call:
        for register in list(state.registers):
            if register not in KEPT:
                state.set(register, None)
        return False
    if name in BRANCHES or name in ENDS or name in ("j", "nop", "fence", "fence.i", "jal"):
        return False
    place = PLACE.match(operands[-1]) if operands else None
    if name in STORES:
        if not place:
            return False
        kinds, base = state.of(operands[0]), state.of(place.group(2))
        if STACK in base:
            state.slots[place.group(0)] = kinds
            return False
        return name == "sd" and STACK in kinds and FRAME in base
    if not operands or operands[0] in ("sp", "zero"):
        return False
    if name == "mv":
        state.set(operands[0], state.of(operands[1]))
    elif name in ("add", "addi", "sh1add", "sh2add", "sh3add"):
        state.set(operands[0], state.of(operands[1]) | state.of(operands[2]))
    elif name == "ld" and place and STACK in state.of(place.group(2)):
        state.set(operands[0], state.slots.get(place.group(0)))
    else:
        state.set(operands[0], None)
    return False


def stores(code):
    """The instructions of a function that store an address of the stack to a coroutine's frame.
    The function is given the frame in `a0`."""
    index = {instruction.address: number for number, instruction in enumerate(code)}
    before = {0: State({"sp": frozenset([STACK]), "a0": frozenset([FRAME])})}
    found, todo = set(), [0]
    while todo:
        number = todo.pop()
        state = before[number].copy()
        instruction = code[number]
        if step(state, instruction):
            found.add(number)
        following = []
        if instruction.name not in ENDS and instruction.name != "j":
            following.append(number + 1)
        if not instruction.is_call and instruction.target in index:
            following.append(index[instruction.target])
        for successor in following:
            if successor >= len(code):
                continue
            if successor not in before:
                before[successor] = state.copy()
                todo.append(successor)
            elif before[successor].merge(state):
                todo.append(successor)
    return [code[number] for number in sorted(found)]


def functions(listing):
    """Name and code of each function that goes on with a coroutine."""
    name, code = None, []
    for line in listing:
        begins = FUNCTION.match(line.rstrip("\n"))
        if begins:
            # Labels of the assembler's are none.
            if begins.group(2).startswith(".L"):
                continue
            if name and code:
                yield name, code
            name, code = (begins.group(2) if GOES_ON in begins.group(2) else None), []
            continue
        line = INSTRUCTION.match(line) if name else None
        if line:
            code.append(Instruction(int(line.group(1), 16), line.group(2), line.group(3)))
    if name and code:
        yield name, code


def check(listing):
    """How many coroutines a listing has, and what is wrong with them."""
    count, wrong = 0, []
    for name, code in functions(listing):
        count += 1
        wrong += [f"{name}: {store.address:x}: {store.text}" for store in stores(code)]
    return count, wrong


def main():
    """Looks at the named files."""
    faults = coroutines = 0
    for elf in sys.argv[1:]:
        command = ["llvm-objdump-19", "-d", "--no-show-raw-insn", "-C", elf]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        count, wrong = check(listing.splitlines())
        if count == 0:
            wrong.append("no coroutine found: symbols are missing, or are called otherwise")
        for fault in wrong:
            print(f"{elf}: {fault}")
        faults += len(wrong)
        coroutines += count
    print(f"{coroutines} coroutines, {faults} addresses of a stack stored to a frame")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
