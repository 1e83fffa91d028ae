/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * The kernel ELF, on pages of its own so that it can run in place.
 */
  .section .kernel_elf, "a"
  .balign 4096
  .globl kernel_elf_start
kernel_elf_start:
  .incbin QUOLL_KERNEL_ELF
  .globl kernel_elf_end
kernel_elf_end:
  .balign 4096
