/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * Where the loader enters the test kernel, and the few things that only assembly can do.
 */
  .section .text.entry, "ax"
  .globl test_kernel_entry
test_kernel_entry:
  /* What the hart arrived with, before anything changes it. */
  mv a2, sp
  mv a3, tp
  mv a4, gp
  mv a5, ra
  call test_kernel_main
1:
  wfi
  j 1b

  /* bool try_load(address), try_store(address), try_execute(address): whether it traps. The cause
     and the address of the trap are left in `last_cause` and `last_address`. */
  .macro attempt name, instruction
  .globl \name
  .balign 4
\name:
  lla t0, 1f
  csrrw t1, stvec, t0
  mv t2, ra
  lla ra, 2f
  \instruction
2:
  csrw stvec, t1
  mv ra, t2
  li a0, 0
  ret
  .balign 4
1:
  csrw stvec, t1
  mv ra, t2
  csrr t0, scause
  lla t1, last_cause
  sd t0, 0(t1)
  csrr t0, stval
  lla t1, last_address
  sd t0, 0(t1)
  li a0, 1
  ret
  .endm

  attempt try_load, "lbu t3, 0(a0)"
  attempt try_store, "sb zero, 0(a0)"
  attempt try_execute, "jr a0"

  .section .bss
  .balign 8
  .globl last_cause
last_cause:
  .quad 0
  .globl last_address
last_address:
  .quad 0
