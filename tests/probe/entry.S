# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Where the probe starts, and what it does with registers that no compiler may touch.
    .section .text.entry, "ax"
    .globl runtime_entry
runtime_entry:
    # Whatever the start state does not promise to be zero is told by an exit at once.
    or t0, ra, gp
    or t0, t0, tp
    or t0, t0, t1
    or t0, t0, a1
    or t0, t0, a7
    or t0, t0, s11
    bnez t0, 1f
    tail probe_main
1:  li a7, 0
    li a0, 0
    li a1, 998
    ecall
    j 1b

# probe_registers(rounds, until): at least `rounds` system calls, and on until `until` ticks, with
# a pattern in all registers that a call must keep. 0: kept; else the number of the register that
# was not, 100 more for a floating-point one.
    .text
    .globl probe_registers
probe_registers:
    addi sp, sp, -112
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    sd s2, 24(sp)
    sd s3, 32(sp)
    sd s4, 40(sp)
    sd s5, 48(sp)
    sd s6, 56(sp)
    sd s7, 64(sp)
    sd s8, 72(sp)
    sd s9, 80(sp)
    sd s10, 88(sp)
    sd s11, 96(sp)
    sd gp, 104(sp)
    mv s0, a0          # rounds left
    mv s1, a1          # end of time

    .macro pattern reg, value
    li \reg, \value * 0x1111
    .endm
    .macro check reg, value
    li t0, \value * 0x1111
    li a0, \value
    bne \reg, t0, 9f
    .endm
    .macro fpattern reg, value
    li t0, \value * 0x2222
    fmv.d.x \reg, t0
    .endm
    .macro fcheck reg, value
    li t0, \value * 0x2222
    fmv.x.d t1, \reg
    li a0, 100 + \value
    bne t1, t0, 9f
    .endm

    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fpattern f\n, (\n + 1)
    .endr
    fsrmi 1            # round towards zero, in fcsr
2:
    pattern gp, 3
    pattern tp, 4
    pattern s2, 18
    pattern s3, 19
    pattern s4, 20
    pattern s5, 21
    pattern s6, 22
    pattern s7, 23
    pattern s8, 24
    pattern s9, 25
    pattern s10, 26
    pattern s11, 27
    pattern t2, 7
    pattern t3, 28
    pattern t4, 29
    pattern t5, 30
    pattern t6, 31
    pattern a2, 12
    pattern a3, 13
    pattern a4, 14
    pattern a5, 15
    pattern a6, 16
    andi t0, s0, 7     # mostly a call that returns at once, sometimes one that gives way
    li a7, 8           # handle_close(0)
    bnez t0, 3f
    li a7, 1           # yield
3:  li a0, 0
    ecall
    check gp, 3
    check tp, 4
    check s2, 18
    check s3, 19
    check s4, 20
    check s5, 21
    check s6, 22
    check s7, 23
    check s8, 24
    check s9, 25
    check s10, 26
    check s11, 27
    check t2, 7
    check t3, 28
    check t4, 29
    check t5, 30
    check t6, 31
    check a2, 12
    check a3, 13
    check a4, 14
    check a5, 15
    check a6, 16
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fcheck f\n, (\n + 1)
    .endr
    frrm t0
    li a0, 200
    li t1, 1
    bne t0, t1, 9f
    beqz s0, 4f
    addi s0, s0, -1
4:  bnez s0, 2b
    rdtime t0
    bltu t0, s1, 2b
    li a0, 0
9:  ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    ld s2, 24(sp)
    ld s3, 32(sp)
    ld s4, 40(sp)
    ld s5, 48(sp)
    ld s6, 56(sp)
    ld s7, 64(sp)
    ld s8, 72(sp)
    ld s9, 80(sp)
    ld s10, 88(sp)
    ld s11, 96(sp)
    ld gp, 104(sp)
    mv tp, zero
    addi sp, sp, 112
    ret

# probe_all_registers(record*): one trap with a pattern in every register, and every register as it
# was afterwards in the record. The trap is a store to record->address, or a call where that is 0.
# sp is the record's own address, so that it can be found again; t0, a0 and a7 have their values.
    .globl probe_all_registers
probe_all_registers:
    .irp r, 0,1,2,3,4,5,6,7,8,9,10,11
    sd s\r, 256 + 8 * \r(a0)
    .endr
    sd ra, 352(a0)
    sd sp, 360(a0)
    sd gp, 368(a0)
    sd tp, 376(a0)
    mv sp, a0
    .irp n, 1,3,4,6,7,8,9,11,12,13,14,15,16,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    li x\n, 0x5a5a00 + \n
    .endr
    ld a7, 384(sp)
    ld t0, 392(sp)
    ld a0, 400(sp)
    bnez t0, 1f
    ecall
    j 2f
1:  sd zero, 0(t0)
2:
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd x\n, 8 * \n(sp)
    .endr
    mv a0, sp
    .irp r, 0,1,2,3,4,5,6,7,8,9,10,11
    ld s\r, 256 + 8 * \r(a0)
    .endr
    ld ra, 352(a0)
    ld gp, 368(a0)
    ld tp, 376(a0)
    ld sp, 360(a0)
    ret
