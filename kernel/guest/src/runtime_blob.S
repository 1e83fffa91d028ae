# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The guest runtime's ELF files among the kernel's constants, each on pages of its own: text and
# constants are mapped into guests from where they lie, and nothing else may lie beside them.
    .macro embed name, file
    .balign 4096
    .globl \name\()_start
\name\()_start:
    .incbin "\file"
    .globl \name\()_end
\name\()_end:
    .balign 4096
    .endm

    .section .rodata.runtime, "a", @progbits
    embed quoll_runtime, QUOLL_RUNTIME_FILE
    embed quoll_runtime_zb, QUOLL_RUNTIME_ZB_FILE
