# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# LLVM libunwind for the kernel, bare-metal: the link script supplies
# __eh_frame_start/end and __eh_frame_hdr_start/end, the kernel supplies malloc,
# free and abort. The workstation's compiler brings its own.
if(NOT QUOLL_TARGET_RISCV64)
  return()
endif()
quoll_fetch_source(LIBUNWIND
  PACKAGE llvm-toolchain-19
  ARCHIVE llvm-toolchain-19_19.1.7.orig.tar.xz
  SHA256 ae498f3bc58ae2d9f64ef5f0c035c4240152bf015a5b7738b15c22e93bdc97ce
  FOLDERS llvm-toolchain-19_19.1.7/libunwind/src/* llvm-toolchain-19_19.1.7/libunwind/include/*
          llvm-toolchain-19_19.1.7/libunwind/LICENSE.TXT)
set(libunwind_root ${QUOLL_LIBUNWIND_DIR})
if(EXISTS ${QUOLL_LIBUNWIND_DIR}/libunwind/src/libunwind.cpp)
  set(libunwind_root ${QUOLL_LIBUNWIND_DIR}/libunwind)
endif()
if(NOT EXISTS ${libunwind_root}/src/libunwind.cpp)
  message(FATAL_ERROR "QUOLL_LIBUNWIND_DIR: no libunwind in ${QUOLL_LIBUNWIND_DIR}")
endif()
quoll_third_party_library(libunwind KERNEL_ONLY
  SOURCES ${libunwind_root}/src/libunwind.cpp ${libunwind_root}/src/UnwindLevel1.c
          ${libunwind_root}/src/UnwindLevel1-gcc-ext.c
          ${libunwind_root}/src/UnwindRegistersSave.S
          ${libunwind_root}/src/UnwindRegistersRestore.S
  INCLUDES ${libunwind_root}/include
  DEFINES NDEBUG _LIBUNWIND_IS_BAREMETAL _LIBUNWIND_HAS_NO_THREADS
          _LIBUNWIND_REMEMBER_STACK_ALLOC)
target_compile_options(quoll_libunwind PRIVATE -funwind-tables)
