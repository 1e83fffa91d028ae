// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The first instructions in user mode. a0 is the start block, sp the top of the stack; everything
// else is zero. The image lies in memory as it was linked: nothing is copied, nothing relocated.

    .section .text.entry, "ax", @progbits
    .globl  runtime_entry
    .type   runtime_entry, @function
runtime_entry:
    .option push
    .option norelax
    lla     gp, __global_pointer$
    .option pop
    lla     tp, runtime_tls_start
    // The chain of frames ends here.
    mv      fp, zero
    mv      ra, zero
    call    runtime_main
    ebreak
    .size   runtime_entry, . - runtime_entry
