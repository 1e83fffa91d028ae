# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What makes panics unwind in the kernel, from LLVM's own sources: libunwind walks the stack,
# libc++abi's personality finds cleanups and handlers in it. The workstation's compiler brings its
# own.
#
# Both are built bare-metal: the link script supplies __eh_frame_start/end and
# __eh_frame_hdr_start/end, the kernel supplies abort, std::terminate and the memory of exceptions
# (docs/decisions/0007).
if(NOT QUOLL_TARGET_RISCV64)
  return()
endif()
set(llvm llvm-toolchain-19_19.1.7)
quoll_fetch_source(LLVM
  PACKAGE llvm-toolchain-19
  ARCHIVE llvm-toolchain-19_19.1.7.orig.tar.xz
  SHA256 ae498f3bc58ae2d9f64ef5f0c035c4240152bf015a5b7738b15c22e93bdc97ce
  FOLDERS ${llvm}/libunwind/src/* ${llvm}/libunwind/include/* ${llvm}/libunwind/LICENSE.TXT
          ${llvm}/libcxxabi/src/cxa_* ${llvm}/libcxxabi/src/*.h ${llvm}/libcxxabi/include/*
          ${llvm}/libcxxabi/LICENSE.TXT ${llvm}/libcxx/src/include/atomic_support.h)
foreach(file libunwind/src/libunwind.cpp libcxxabi/src/cxa_personality.cpp
             libcxx/src/include/atomic_support.h)
  if(NOT EXISTS ${QUOLL_LLVM_DIR}/${file})
    message(FATAL_ERROR "QUOLL_LLVM_DIR: no ${file} in ${QUOLL_LLVM_DIR}")
  endif()
endforeach()

set(libunwind_root ${QUOLL_LLVM_DIR}/libunwind)
quoll_third_party_library(libunwind KERNEL_ONLY
  SOURCES ${libunwind_root}/src/libunwind.cpp ${libunwind_root}/src/UnwindLevel1.c
          ${libunwind_root}/src/UnwindLevel1-gcc-ext.c
          ${libunwind_root}/src/UnwindRegistersSave.S
          ${libunwind_root}/src/UnwindRegistersRestore.S
  INCLUDES ${libunwind_root}/include
  DEFINES NDEBUG _LIBUNWIND_IS_BAREMETAL _LIBUNWIND_HAS_NO_THREADS
          _LIBUNWIND_REMEMBER_STACK_ALLOC)
# The two phases run through these frames too.
target_compile_options(quoll_libunwind PRIVATE -funwind-tables)

# Its global state is thread-local, that is: each hart's own. It names type_info, which needs RTTI;
# what it names is never used, since nothing in the kernel catches by type.
set(libcxxabi_root ${QUOLL_LLVM_DIR}/libcxxabi)
quoll_third_party_library(libcxxabi KERNEL_ONLY
  SOURCES ${libcxxabi_root}/src/cxa_exception.cpp ${libcxxabi_root}/src/cxa_personality.cpp
          ${libcxxabi_root}/src/cxa_exception_storage.cpp
  INCLUDES ${libcxxabi_root}/include ${libcxxabi_root}/src ${QUOLL_LLVM_DIR}/libcxx/src
           ${libunwind_root}/include
  DEFINES NDEBUG _LIBCPP_BUILDING_LIBRARY LIBCXXABI_BAREMETAL)
target_compile_options(quoll_libcxxabi PRIVATE -frtti
                       # Exception tables that go with their functions, when nobody calls those.
                       -fbinutils-version=2.40)
