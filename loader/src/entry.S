/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * Stage 1: the image header, and the code that runs before C++ can. The MMU is off; `a0` is the
 * hart id and `a1` the device tree. One hart wins a lottery, puts the image's addresses right for
 * the place where it was loaded, and runs the loader; a hart that loses waits to be let in.
 */
#include "layout_constants.h"

  /* Nothing to gain, and alignment after data is plain again. */
  .option norelax

  /* The header of a RISC-V Linux image: what boot loaders recognise, and where they learn how
     much memory to keep free (Linux, Documentation/riscv/boot-image-header). */
  .section .head, "ax"
  .globl _start
_start:
  .option push
  .option norvc
  j loader_entry
  nop
  .option pop
  .quad 0x200000                      /* text_offset: any 2 MiB-aligned address */
  .quad _image_end - _start           /* image_size, zero-filled part included */
  .quad 0                             /* flags: little endian */
  .word 2                             /* version 0.2 */
  .word 0
  .quad 0
  .quad 0x5643534952                  /* "RISCV" */
  .word 0x05435352                    /* "RSC\x05" */
  .word 0

  /* The embedded kernel's seal, handoff::ImageSeal: the build fills in its size and XXH3-64. */
  .globl kernel_seal
kernel_seal:
  .quad 0x4C4145534C4C5551            /* "QULLSEAL" */
  .quad 0
  .quad 0

  .section .text.entry, "ax"
  .balign 4
loader_entry:
  csrw sie, zero
  csrci sstatus, 2
  csrw satp, zero
  lla t0, lottery
  li t1, 1
  amoadd.w.aqrl t1, t1, (t0)
  bnez t1, wait_for_handoff

  mv s0, a0
  mv s1, a1

  /* Relative relocations: the image is linked at zero. */
  lla t0, __relocations_start
  lla t1, __relocations_end
  lla t2, _start
  li t3, 3
1:
  bgeu t0, t1, 3f
  ld t4, 8(t0)
  bne t4, t3, 2f
  ld t5, 0(t0)
  ld t6, 16(t0)
  add t5, t5, t2
  add t6, t6, t2
  sd t6, 0(t5)
2:
  addi t0, t0, 24
  j 1b
3:
  lla t0, __bss_start
  lla t1, __bss_end
4:
  bgeu t0, t1, 5f
  sd zero, 0(t0)
  addi t0, t0, 8
  j 4b
5:
  /* S-mode may be denied `instret`: then the read traps to the label behind it, and it stays 0. */
  lla t0, 6f
  csrw stvec, t0
  li a3, 0
  csrr a3, instret
  .balign 4
6:
  csrr a2, time
  lla t0, loader_trap_entry
  csrw stvec, t0
  lla sp, __stack_top
  mv a0, s0
  mv a1, s1
  call loader_main

  .balign 4
loader_trap_entry:
  lla sp, __trap_stack_top
  csrr a0, scause
  csrr a1, sepc
  csrr a2, stval
  call loader_trap

  /* More than one hart entered: wait for the records, find our own, and go in by it. The winner
     sends an interrupt after publishing them; it wakes `wfi` without being taken. */
wait_for_handoff:
  lla t0, __waiting_harts
  li t1, 1
  amoadd.w.aqrl zero, t1, (t0)
  li t0, 2
  csrw sie, t0
  lla t1, __released_harts
1:
  ld t2, 0(t1)
  fence r, rw
  bnez t2, 2f
  wfi
  csrc sip, t0
  j 1b
2:
  ld t3, 8(t1)
3:
  beqz t3, park
  ld t4, QUOLL_HART_START_HART_ID(t2)
  beq t4, a0, 4f
  addi t2, t2, QUOLL_HART_START_SIZE
  addi t3, t3, -1
  j 3b
4:
  csrc sip, t0
  mv a1, t2
  j secondary_entry
park:
  csrw sie, zero
5:
  wfi
  j 5b

  /* SBI HSM enters here: `a1` is the address of this hart's record. */
  .globl secondary_entry
  .balign 4
secondary_entry:
  csrw sie, zero
  csrci sstatus, 2
  mv a0, a1

  /* The jump into the kernel: with the next fetch after the write of `satp` this code is not
     mapped any more, so the hart arrives, by a trap, at the stub, which is. */
  .globl enter_kernel
enter_kernel:
  ld sp, QUOLL_HART_START_SP(a0)
  ld tp, QUOLL_HART_START_TP(a0)
  ld t1, QUOLL_HART_START_SATP(a0)
  ld t0, QUOLL_HART_START_STUB(a0)
  ld t2, QUOLL_HART_START_ENTRY(a0)
  ld a1, QUOLL_HART_START_LOGICAL_ID(a0)
  ld a0, QUOLL_HART_START_BOOT_INFO(a0)
  csrw stvec, t0
  fence rw, rw
  fence.i
  sfence.vma
  csrw satp, t1
  sfence.vma
1:
  j 1b

  .section .data.entry, "aw"
  .balign 8
lottery:
  .word 0
  .globl __waiting_harts
__waiting_harts:
  .word 0
  .balign 8
  /* Address and number of the records, once they are complete. */
  .globl __released_harts
__released_harts:
  .quad 0
  .quad 0
