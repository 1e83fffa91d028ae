#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Boots a machine and compares how it ends: QEMU's exit status, and a text that the console must
hold. A machine that does not end by itself has hung, and fails.

With --tree or --bad-tree the image is not what QEMU starts: a small payload is, which enters the
image at another address with a device tree of the test's choice, since QEMU and OpenSBI refuse
broken trees themselves."""
import argparse
import os
import struct
import subprocess
import sys
import tempfile

WORDS_AT = 0x80210000  # where enter_image.S looks for the tree's and the image's address
IMAGE_AT = 0x80600000
TREE_AT = 0x82000000
QEMU = ["qemu-system-riscv64", "-machine", "virt", "-cpu", "rv64", "-display", "none",
        "-nodefaults"]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--image", required=True)
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--console", action="append", default=[], help="text that must be there")
    parser.add_argument("--append", default="")
    parser.add_argument("--initrd-text", help="boot with an initrd that begins with this")
    parser.add_argument("--corrupt", type=int, help="flip a bit this far before the image's end")
    parser.add_argument("--payload", help="enter_image, as a flat file")
    parser.add_argument("--tree", help="source text to merge into the machine's device tree")
    parser.add_argument("--bad-tree", choices=["none", "magic", "version", "misaligned",
                                               "truncated", "cut", "hole"])
    parser.add_argument("--all-harts", action="store_true", help="every hart enters the image")
    parser.add_argument("qemu", nargs="*")
    return parser.parse_args()


def machine_tree(folder, options):
    """The machine's own device tree, with the test's source text merged in."""
    blob = os.path.join(folder, "machine.dtb")
    command = list(QEMU)
    command[2] = f"virt,dumpdtb={blob}"
    subprocess.run(command + options.qemu, check=True, stderr=subprocess.DEVNULL)
    source = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", blob], check=True,
                            capture_output=True, text=True).stdout
    header, body = source.split("\n", 1)
    chosen = f'/ {{ chosen {{ bootargs = "{options.append}"; }}; }};\n'
    extra = open(options.tree).read() if options.tree else ""
    # Reservations come first in the format; a line of ours that is one moves up.
    lines = extra.splitlines(keepends=True)
    reservations = "".join(line for line in lines if line.startswith("/memreserve/"))
    rest = "".join(line for line in lines if not line.startswith("/memreserve/"))
    merged = f"{header}\n{reservations}{body}\n{chosen}{rest}"
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-"], check=True,
                          input=merged.encode(), capture_output=True).stdout


def break_tree(tree, how):
    """The tree as it is put in memory, and the address that the image is told."""
    blob = bytearray(tree)
    address = TREE_AT
    if how == "none":
        address = 0
    elif how == "hole":
        address = 0x9000000  # nothing answers there
    elif how == "misaligned":
        address += 4
    elif how == "magic":
        blob[0] ^= 0xFF
    elif how == "version":
        blob[20:28] = struct.pack(">II", 99, 98)
    elif how == "truncated":
        blob[4:8] = struct.pack(">I", len(blob) // 2)  # ends before its own blocks
    elif how == "cut":
        blob[len(blob) // 2:] = bytes(len(blob) - len(blob) // 2)  # the rest never arrived
    return bytes(blob), address


def place(folder, name, content, address):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]


def arguments(folder, options):
    image = bytearray(open(options.image, "rb").read())
    if options.corrupt is not None:
        image[-options.corrupt] ^= 0x10
    path = os.path.join(folder, "test.img")
    with open(path, "wb") as file:
        file.write(image)
    initrd = []
    if options.initrd_text:
        initrd_path = os.path.join(folder, "initrd")
        with open(initrd_path, "wb") as file:
            file.write(options.initrd_text.encode() + bytes(70000))
        initrd = ["-initrd", initrd_path]
    if not options.payload:
        return options.qemu + initrd + ["-kernel", path, "-append", options.append]
    tree, address = break_tree(machine_tree(folder, options), options.bad_tree)
    words = struct.pack("<QQQ", address, IMAGE_AT, int(options.all_harts))
    return (options.qemu + ["-kernel", options.payload]
            + place(folder, "tree", tree, TREE_AT)
            + place(folder, "image", bytes(image), IMAGE_AT)
            + place(folder, "words", words, WORDS_AT))


def main():
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        console = os.path.join(folder, "console")
        command = QEMU + ["-serial", f"file:{console}"] + arguments(folder, options)
        hung = False
        try:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60).returncode
        except subprocess.TimeoutExpired:
            hung = True
        text = open(console, errors="replace").read().replace("\r", "")
    print(text)
    if hung:
        sys.exit("run_boot_test: the machine hung")
    if status != options.status:
        sys.exit(f"run_boot_test: QEMU ended with {status}, not {options.status}")
    for wanted in options.console:
        if wanted not in text:
            sys.exit(f"run_boot_test: the console does not say: {wanted}")


if __name__ == "__main__":
    main()
