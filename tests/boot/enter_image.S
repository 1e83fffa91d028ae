/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * A payload that firmware starts, and that enters an image with a device tree of the test's
 * choice: its address and the image's stand at 0x80210000, where QEMU put them. QEMU and OpenSBI
 * refuse such device trees themselves. With a third word that is not zero it starts the image on
 * every hart that it can, all at once.
 */
  .section .text, "ax"
  .globl _start
_start:
  li s0, 0x80210000
  mv s1, a0
  ld t0, 16(s0)
  beqz t0, enter
  li s2, 0
1:
  /* HSM: start hart s2 at `enter`. The first that does not exist ends the round. */
  beq s2, s1, 2f
  mv a0, s2
  lla a1, enter_other
  li a2, 0
  li a6, 0
  li a7, 0x48534D
  ecall
  li t0, -3
  beq a0, t0, 3f
2:
  addi s2, s2, 1
  j 1b
3:
  mv a0, s1
enter:
  li s0, 0x80210000
  ld a1, 0(s0)
  ld t1, 8(s0)
  mv a0, s1
  jr t1
enter_other:
  mv s1, a0
  j enter
