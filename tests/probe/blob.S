# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The probe's ELF file among the test kernel's constants, on pages of its own.
    .section .rodata.probe, "a", @progbits
    .balign 4096
    .globl quoll_probe_start
quoll_probe_start:
    .incbin QUOLL_PROBE_FILE
    .globl quoll_probe_end
quoll_probe_end:
    .balign 4096
