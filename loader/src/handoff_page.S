/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * The one page of the loader that stays: mapped executable in the kernel's address space. Every
 * hart enters the kernel through it, and a trap that the kernel is not ready for ends here, in
 * one line and a stopped machine. It uses no stack: the stack may be what is broken.
 */
#include "layout_constants.h"

  /* Nothing to gain, and alignment after data is plain again. */
  .option norelax

  .section .handoff, "ax"
  .balign 4096
  .globl handoff_page
handoff_page:
  /* Entered by a trap: `a0` BootInfo, `a1` logical hart, `t2` the kernel's entry point. */
  lla t0, early_trap
  csrw stvec, t0
  csrw sscratch, zero
  /* The trap set SPP and perhaps SPIE; the kernel starts with both clear. */
  li t0, 0x120
  csrc sstatus, t0
  /* From here on this hart executes nothing that the kernel may reuse. */
  addi t0, a0, QUOLL_BOOT_INFO_HARTS_LEFT
  li t1, 1
  amoadd.w.aqrl zero, t1, (t0)
  li ra, 0
  li gp, 0
  li s0, 0
  jr t2

  .balign 4
early_trap:
  /* A second trap, from here itself, must not start over. */
  lla t0, stop
  csrw stvec, t0
  csrr s2, scause
  csrr s3, sepc
  csrr s4, stval
  lla s5, text_cause
  jal s0, print_text
  mv s6, s2
  jal s0, print_hex
  lla s5, text_pc
  jal s0, print_text
  mv s6, s3
  jal s0, print_hex
  lla s5, text_address
  jal s0, print_text
  mv s6, s4
  jal s0, print_hex
  lla s5, text_end
  jal s0, print_text

  .balign 4
stop:
  lla t0, park
  csrw stvec, t0
  lla t0, handoff_test_device
  ld t0, 0(t0)
  beqz t0, 1f
  li t1, QUOLL_TEST_DEVICE_STOPPED
  fence
  sw t1, 0(t0)
1:
  /* System reset: shut down, because of a failure. */
  li a7, 0x53525354
  li a6, 0
  li a0, 0
  li a1, 1
  ecall
  .balign 4
park:
  wfi
  j park

  /* Prints the text at s5; returns through s0. */
print_text:
  lbu s7, 0(s5)
  beqz s7, 1f
  addi s5, s5, 1
  jal s8, print_byte
  j print_text
1:
  jr s0

  /* Prints s6 in hexadecimal, all digits; returns through s0. */
print_hex:
  li s9, 60
1:
  srl s7, s6, s9
  andi s7, s7, 15
  addi s7, s7, '0'
  li t0, '9'
  ble s7, t0, 2f
  addi s7, s7, 'a' - '0' - 10
2:
  jal s8, print_byte
  addi s9, s9, -4
  bgez s9, 1b
  jr s0

  /* Prints the byte s7 through the legacy call, else through the debug console; returns by s8. */
print_byte:
  li a7, 1
  li a6, 0
  mv a0, s7
  ecall
  beqz a0, 1f
  li a7, 0x4442434E
  li a6, 2
  mv a0, s7
  ecall
1:
  jr s8

text_cause:
  .asciz "quoll: early trap in the kernel: cause 0x"
text_pc:
  .asciz " at 0x"
text_address:
  .asciz ", address 0x"
text_end:
  .asciz "; stopping\r\n"
  .balign 8
  /* Where the test device is mapped in the kernel window, or zero. */
  .globl handoff_test_device
handoff_test_device:
  .quad 0
  .balign 4096
  .globl handoff_page_end
handoff_page_end:
