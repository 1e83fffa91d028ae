# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Trap entry and exit. sscratch tells the two sides apart: in user mode it holds the address of the
# running UserContext, which is negative as all of the kernel's; in the kernel the complement of
# the hart's HartLocal, which is not. So the entry finds its hart whatever the interrupted code has
# done to tp, sp or any other register.

.equ FRAME_PC, 256
.equ FRAME_STATUS, 264
.equ FRAME_CAUSE, 272
.equ FRAME_VALUE, 280
.equ FRAME_BAD_STACK, 288
.equ FRAME_SIZE, 304

# UserContext
.equ CTX_PC, 256
.equ CTX_STATUS, 264
.equ CTX_KERNEL_SP, 272
.equ CTX_KERNEL_TP, 280
.equ CTX_QUICK, 288
.equ CTX_CAUSE, 304
.equ CTX_VALUE, 312

# HartLocal
.equ HART_T0, 0
.equ HART_T1, 8
.equ HART_STACK_LOW, 16
.equ HART_STACK_HIGH, 24
.equ HART_EMERGENCY_LOW, 32
.equ HART_EMERGENCY_HIGH, 40
.equ HART_A0, 48
.equ HART_ENTERING, 56

.equ STATUS_SUM, 0x40000
.equ STATUS_FS, 0x6000

.equ BAD_STACK, 1
.equ DOUBLE_FAULT, 2
.equ TOO_MANY_FAULTS, 4

.equ SBI_RESET, 0x53525354
.equ SBI_SYSTEM_FAILURE, 1

.text
.globl quoll_trap_entry
.type quoll_trap_entry, @function
.balign 4
quoll_trap_entry:
  # For unwinding out of the handler: every register of the interrupted code is in the frame, at
  # sp. Column 64 stands for its pc, since ra has a value of its own.
  .cfi_startproc
  .cfi_signal_frame
  .cfi_return_column 64
  .cfi_def_cfa sp, 0
  .cfi_offset 64, FRAME_PC
  .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  .cfi_offset \n, 8 * \n
  .endr
  csrrw a0, sscratch, a0
  bltz a0, trap_from_user

# Out of the kernel: a full frame on the current stack, if there is room for one there.
  not a0, a0
  sd t0, HART_T0(a0)
  sd t1, HART_T1(a0)
  not t0, a0
  csrrw t0, sscratch, t0
  sd t0, HART_A0(a0)
  # Above one: the trap before this one has not got as far as its frame.
  ld t0, HART_ENTERING(a0)
  addi t0, t0, 1
  sd t0, HART_ENTERING(a0)
  li t1, 1
  bne t0, t1, .Ldouble_fault
  addi t0, sp, -FRAME_SIZE
  ld t1, HART_STACK_LOW(a0)
  bltu t0, t1, .Lbad_stack
  ld t1, HART_STACK_HIGH(a0)
  bltu t1, sp, .Lbad_stack
  andi t1, sp, 15
  bnez t1, .Lbad_stack
.Lgood_stack:
  li t1, 0
.Lsave:                         # t0: the frame; t1: what was wrong with the stack
  sd t1, FRAME_BAD_STACK(t0)
  sd sp, 16(t0)
  mv sp, t0
  sd ra, 8(sp)
  sd gp, 24(sp)
  sd tp, 32(sp)
  sd t2, 56(sp)
  sd s0, 64(sp)
  sd s1, 72(sp)
  sd a1, 88(sp)
  sd a2, 96(sp)
  sd a3, 104(sp)
  sd a4, 112(sp)
  sd a5, 120(sp)
  sd a6, 128(sp)
  sd a7, 136(sp)
  sd s2, 144(sp)
  sd s3, 152(sp)
  sd s4, 160(sp)
  sd s5, 168(sp)
  sd s6, 176(sp)
  sd s7, 184(sp)
  sd s8, 192(sp)
  sd s9, 200(sp)
  sd s10, 208(sp)
  sd s11, 216(sp)
  sd t3, 224(sp)
  sd t4, 232(sp)
  sd t5, 240(sp)
  sd t6, 248(sp)
  ld t0, HART_T0(a0)
  ld t1, HART_T1(a0)
  ld t2, HART_A0(a0)
  sd t0, 40(sp)
  sd t1, 48(sp)
  sd t2, 80(sp)
  csrr t0, sepc
  sd t0, FRAME_PC(sp)
  csrr t0, sstatus
  sd t0, FRAME_STATUS(sp)
  csrr t0, scause
  sd t0, FRAME_CAUSE(sp)
  csrr t0, stval
  sd t0, FRAME_VALUE(sp)
  li t0, STATUS_SUM
  csrc sstatus, t0              # the handler has no business in user memory
  mv tp, a0
  sd zero, HART_ENTERING(a0)
  mv a0, sp
  call quoll_trap_from_kernel

  ld t0, FRAME_PC(sp)
  csrw sepc, t0
  ld t0, FRAME_STATUS(sp)
  csrw sstatus, t0
  sc.d zero, zero, (sp)         # whatever the handler reserved is not the interrupted code's
  ld ra, 8(sp)
  ld gp, 24(sp)
  ld t0, 40(sp)
  ld t1, 48(sp)
  ld t2, 56(sp)
  ld s0, 64(sp)
  ld s1, 72(sp)
  ld a0, 80(sp)
  ld a1, 88(sp)
  ld a2, 96(sp)
  ld a3, 104(sp)
  ld a4, 112(sp)
  ld a5, 120(sp)
  ld a6, 128(sp)
  ld a7, 136(sp)
  ld s2, 144(sp)
  ld s3, 152(sp)
  ld s4, 160(sp)
  ld s5, 168(sp)
  ld s6, 176(sp)
  ld s7, 184(sp)
  ld s8, 192(sp)
  ld s9, 200(sp)
  ld s10, 208(sp)
  ld s11, 216(sp)
  ld t3, 224(sp)
  ld t4, 232(sp)
  ld t5, 240(sp)
  ld t6, 248(sp)
  ld sp, 16(sp)
  sret

# The stack pointer is outside the stack, or the frame would be. On the emergency stack already:
# go on there. Else start it, and say so in the frame.
.Lbad_stack:
  ld t1, HART_EMERGENCY_HIGH(a0)
  bltu t1, sp, .Lstart_emergency
  ld t1, HART_EMERGENCY_LOW(a0)
  bltu t0, t1, .Lstart_emergency
  andi t1, sp, 15
  beqz t1, .Lgood_stack
.Lstart_emergency:
  ld t0, HART_EMERGENCY_HIGH(a0)
  addi t0, t0, -FRAME_SIZE
  li t1, BAD_STACK
  j .Lsave

# Nothing of the first trap can be kept, but the second may still tell.
.Ldouble_fault:
  li t1, TOO_MANY_FAULTS
  bgeu t0, t1, .Lgive_up
  ld t0, HART_EMERGENCY_HIGH(a0)
  addi t0, t0, -FRAME_SIZE
  li t1, DOUBLE_FAULT
  j .Lsave
.Lgive_up:
  li a7, SBI_RESET
  li a6, 0
  li a0, 0
  li a1, SBI_SYSTEM_FAILURE
  ecall
  j .Lgive_up
  .cfi_endproc
.size quoll_trap_entry, . - quoll_trap_entry

# Out of user mode: what a C++ function may change goes to the context, and the context's quick
# handler is asked. If it goes back, gp and s0 to s11 are still the user's and never left their
# registers: the kernel does not use gp, and a function gives s0 to s11 back as they were. Else the rest follows, and then the caller of quoll_enter_user, whose registers are on the stack.
#
# What a panic in the handler is unwound by: at the call the stack is that of quoll_enter_user, so
# this function looks like that one with the same frame, and the caller's s0 to s11 are in it.
.type trap_from_user, @function
trap_from_user:
  # For unwinding, once the kernel's stack is back.
  .cfi_startproc
  .cfi_def_cfa sp, 112
  .cfi_offset ra, -112
  .cfi_offset s0, -104
  .cfi_offset s1, -96
  .cfi_offset s2, -88
  .cfi_offset s3, -80
  .cfi_offset s4, -72
  .cfi_offset s5, -64
  .cfi_offset s6, -56
  .cfi_offset s7, -48
  .cfi_offset s8, -40
  .cfi_offset s9, -32
  .cfi_offset s10, -24
  .cfi_offset s11, -16
  sd ra, 8(a0)
  sd sp, 16(a0)
  sd tp, 32(a0)
  sd t0, 40(a0)
  sd t1, 48(a0)
  sd t2, 56(a0)
  sd a1, 88(a0)
  sd a2, 96(a0)
  sd a3, 104(a0)
  sd a4, 112(a0)
  sd a5, 120(a0)
  sd a6, 128(a0)
  sd a7, 136(a0)
  sd t3, 224(a0)
  sd t4, 232(a0)
  sd t5, 240(a0)
  sd t6, 248(a0)
  ld sp, CTX_KERNEL_SP(a0)
  ld tp, CTX_KERNEL_TP(a0)
  not t0, tp
  csrrw t0, sscratch, t0
  sd t0, 80(a0)
  csrr t0, sepc
  sd t0, CTX_PC(a0)
  li t1, STATUS_FS
  csrrc t0, sstatus, t1         # the kernel uses no floating point
  sd t0, CTX_STATUS(a0)
  ld t2, CTX_QUICK(a0)
  csrr a1, scause
  beqz t2, .Lleave_user
  jalr t2                       # a0: the context again; a1: whether to go back
  beqz a1, .Lleave_after_quick
  # Nothing of the kernel stays in a register: each is loaded, but for those kept. Floating point is as the user left it, in sstatus and in its registers.
  ld t0, CTX_PC(a0)
  csrw sepc, t0
  ld t0, CTX_STATUS(a0)
  csrw sstatus, t0
  sc.d zero, zero, (a0)         # no reservation outlives a change of sides
  csrw sscratch, a0
  ld ra, 8(a0)
  ld sp, 16(a0)
  ld tp, 32(a0)
  ld t0, 40(a0)
  ld t1, 48(a0)
  ld t2, 56(a0)
  ld a1, 88(a0)
  ld a2, 96(a0)
  ld a3, 104(a0)
  ld a4, 112(a0)
  ld a5, 120(a0)
  ld a6, 128(a0)
  ld a7, 136(a0)
  ld t3, 224(a0)
  ld t4, 232(a0)
  ld t5, 240(a0)
  ld t6, 248(a0)
  ld a0, 80(a0)
  sret
.Lleave_user:
  csrr a2, stval
  j .Lleave
.Lleave_after_quick:
  ld a1, CTX_CAUSE(a0)          # an interrupt in the handler has had its own since
  ld a2, CTX_VALUE(a0)
.Lleave:
  sd gp, 24(a0)
  sd s0, 64(a0)
  sd s1, 72(a0)
  sd s2, 144(a0)
  sd s3, 152(a0)
  sd s4, 160(a0)
  sd s5, 168(a0)
  sd s6, 176(a0)
  sd s7, 184(a0)
  sd s8, 192(a0)
  sd s9, 200(a0)
  sd s10, 208(a0)
  sd s11, 216(a0)
  ld ra, 0(sp)
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
  addi sp, sp, 112
  .cfi_def_cfa_offset 0
  mv a0, a1
  mv a1, a2
  ret
  .cfi_endproc
.size trap_from_user, . - trap_from_user

# TrapRegisters quoll_enter_user(UserContext*): scause and stval of what ended user mode.
.globl quoll_enter_user
.type quoll_enter_user, @function
quoll_enter_user:
  .cfi_startproc
  addi sp, sp, -112
  .cfi_def_cfa_offset 112
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
  .cfi_offset ra, -112
  .cfi_offset s0, -104
  .cfi_offset s1, -96
  .cfi_offset s2, -88
  .cfi_offset s3, -80
  .cfi_offset s4, -72
  .cfi_offset s5, -64
  .cfi_offset s6, -56
  .cfi_offset s7, -48
  .cfi_offset s8, -40
  .cfi_offset s9, -32
  .cfi_offset s10, -24
  .cfi_offset s11, -16
  sd sp, CTX_KERNEL_SP(a0)
  sd tp, CTX_KERNEL_TP(a0)
  ld t0, CTX_PC(a0)
  csrw sepc, t0
  ld t0, CTX_STATUS(a0)
  csrw sstatus, t0
  sc.d zero, zero, (a0)         # no reservation outlives a change of sides
  csrw sscratch, a0
  ld ra, 8(a0)
  ld sp, 16(a0)
  ld gp, 24(a0)
  ld tp, 32(a0)
  ld t0, 40(a0)
  ld t1, 48(a0)
  ld t2, 56(a0)
  ld s0, 64(a0)
  ld s1, 72(a0)
  ld a1, 88(a0)
  ld a2, 96(a0)
  ld a3, 104(a0)
  ld a4, 112(a0)
  ld a5, 120(a0)
  ld a6, 128(a0)
  ld a7, 136(a0)
  ld s2, 144(a0)
  ld s3, 152(a0)
  ld s4, 160(a0)
  ld s5, 168(a0)
  ld s6, 176(a0)
  ld s7, 184(a0)
  ld s8, 192(a0)
  ld s9, 200(a0)
  ld s10, 208(a0)
  ld s11, 216(a0)
  ld t3, 224(a0)
  ld t4, 232(a0)
  ld t5, 240(a0)
  ld t6, 248(a0)
  ld a0, 80(a0)
  sret
  .cfi_endproc
.size quoll_enter_user, . - quoll_enter_user
