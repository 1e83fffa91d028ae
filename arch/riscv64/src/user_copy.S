# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# size_t quoll_user_copy(void* to, const void* from, size_t size): copies with user memory open
# and returns how many bytes were not copied. A fault in a range of the table below goes on at
# the range's fixup; the loops advance their pointers only behind the accesses, so a fault in the
# word loop is retried by bytes and the count is exact.

.equ STATUS_SUM, 0x40000

.text
.globl quoll_user_copy
.type quoll_user_copy, @function
quoll_user_copy:
  .cfi_startproc                # a leaf: the caller is in ra throughout
  li t6, STATUS_SUM
  csrs sstatus, t6
  add a3, a0, a2                # end of the destination
  xor t0, a0, a1
  andi t0, t0, 7
  bnez t0, .Lbytes              # never aligned together
  li t0, 72
  bltu a2, t0, .Lbytes
.Lhead:
  andi t0, a0, 7
  beqz t0, .Laligned
.Lhead_start:
  lbu t1, 0(a1)
  sb t1, 0(a0)
.Lhead_end:
  addi a0, a0, 1
  addi a1, a1, 1
  j .Lhead
.Laligned:
  addi a4, a3, -63              # a block of 64 fits while a0 < a4
.Lwords_start:
  ld t0, 0(a1)
  ld t1, 8(a1)
  ld t2, 16(a1)
  ld t3, 24(a1)
  ld t4, 32(a1)
  ld t5, 40(a1)
  ld a5, 48(a1)
  ld a6, 56(a1)
  sd t0, 0(a0)
  sd t1, 8(a0)
  sd t2, 16(a0)
  sd t3, 24(a0)
  sd t4, 32(a0)
  sd t5, 40(a0)
  sd a5, 48(a0)
  sd a6, 56(a0)
.Lwords_end:
  addi a0, a0, 64
  addi a1, a1, 64
  bltu a0, a4, .Lwords_start
  addi a4, a3, -7
  bgeu a0, a4, .Lbytes
.Lsingle_start:
  ld t0, 0(a1)
  sd t0, 0(a0)
.Lsingle_end:
  addi a0, a0, 8
  addi a1, a1, 8
  bltu a0, a4, .Lsingle_start
.Lbytes:
  bgeu a0, a3, .Ldone
.Lbytes_start:
  lbu t1, 0(a1)
  sb t1, 0(a0)
.Lbytes_end:
  addi a0, a0, 1
  addi a1, a1, 1
  bltu a0, a3, .Lbytes_start
.Ldone:
  csrc sstatus, t6
  sub a0, a3, a0
  ret
  .cfi_endproc
.size quoll_user_copy, . - quoll_user_copy

# Start, end, fixup: each as the distance from its own place.
.macro fixup_range start, end, fixup
  .word \start - .
  .word \end - .
  .word \fixup - .
.endm

.section .rodata.fixups, "a", @progbits
.balign 4
.globl quoll_fixups_start
quoll_fixups_start:
  fixup_range .Lhead_start, .Lhead_end, .Ldone
  fixup_range .Lwords_start, .Lwords_end, .Lbytes
  fixup_range .Lsingle_start, .Lsingle_end, .Lbytes
  fixup_range .Lbytes_start, .Lbytes_end, .Ldone
.globl quoll_fixups_end
quoll_fixups_end:
