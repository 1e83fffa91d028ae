/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * The kernel ELF, on pages of its own so that it can run in place, and its table of symbols.
 */
  .section .kernel_elf, "a"
  .balign 4096
  .globl kernel_elf_start
kernel_elf_start:
  .incbin QUOLL_KERNEL_ELF
  .globl kernel_elf_end
kernel_elf_end:
  /* Behind what the seal covers: names for backtraces, which the kernel checks as it reads. */
  .balign 8
  .globl kernel_symbols_start
kernel_symbols_start:
#ifdef QUOLL_KERNEL_SYMBOLS
  .incbin QUOLL_KERNEL_SYMBOLS
#endif
  .globl kernel_symbols_end
kernel_symbols_end:
  .balign 4096
