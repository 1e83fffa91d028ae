# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The guest runtime's ELF file among the kernel's constants, on pages of its own, so that its text
# and constants can be mapped into guests from where they lie.
    .section .rodata.runtime, "a", @progbits
    .balign 4096
    .globl quoll_runtime_start
quoll_runtime_start:
    .incbin QUOLL_RUNTIME_FILE
    .globl quoll_runtime_end
quoll_runtime_end:
    .balign 4096
