/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * Numbers that assembly and C++ share. `harts.cpp` asserts that they match the structures.
 */
#pragma once

#define QUOLL_HART_START_SP 0
#define QUOLL_HART_START_TP 8
#define QUOLL_HART_START_SATP 16
#define QUOLL_HART_START_STUB 24
#define QUOLL_HART_START_ENTRY 32
#define QUOLL_HART_START_BOOT_INFO 40
#define QUOLL_HART_START_LOGICAL_ID 48
#define QUOLL_HART_START_HART_ID 56
#define QUOLL_HART_START_SIZE 64

#define QUOLL_BOOT_INFO_HARTS_LEFT 204

/* A write of this to the test device ends QEMU with status 125: "the kernel itself stopped". */
#define QUOLL_TEST_DEVICE_STOPPED ((125 << 16) | 0x3333)

#define QUOLL_LOADER_STACK_SIZE 32768
