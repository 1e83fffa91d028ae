# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Language, warnings and sanitizers: everything that holds for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)

if(CMAKE_SYSTEM_NAME STREQUAL "Generic")
  set(QUOLL_TARGET_RISCV64 TRUE)
  set(QUOLL_ARCH riscv64)
else()
  set(QUOLL_TARGET_RISCV64 FALSE)
  set(QUOLL_ARCH mock)
endif()
# RISC-V, but somebody else's system: what the workstation runs in user-mode emulation.
set(QUOLL_TARGET_LINUX FALSE)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_CROSSCOMPILING)
  set(QUOLL_TARGET_LINUX TRUE)
endif()

# Only the kernel and the loader differ; the guest runtime is the same in both.
option(QUOLL_CHECKED "Kernel with debug assertions, lock ranks checked, functions not inlined" OFF)
option(QUOLL_SYMBOLS "The image carries names and lines for the kernel's backtraces" ON)
set(QUOLL_SANITIZE "" CACHE STRING "Sanitizers for the workstation build, comma separated")
set(QUOLL_SHARED_DIR "${CMAKE_SOURCE_DIR}/../shared" CACHE PATH
    "Test data that is not part of this repository; tests that need it skip when it is absent")

# Applied to our own code only, never to third-party sources.
set(QUOLL_WARNINGS
    -Wall -Wextra -Wpedantic -Werror
    -Wshadow -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wnon-virtual-dtor
    -Woverloaded-virtual -Wold-style-cast -Wcast-align -Wnull-dereference -Wformat=2
    -Wthread-safety -Wunused -Wextra-semi -Wdeprecated-copy-with-dtor
    # Statement expressions carry TRY; they are an extension that Clang and GCC share.
    -Wno-gnu-statement-expression-from-macro-expansion -Wno-gnu-statement-expression)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_ASM_FLAGS_RELEASE "-g")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")

# Reproducible output: no path of the building machine in the image.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=quoll -fno-strict-aliasing
                    $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)

if(NOT QUOLL_TARGET_RISCV64 AND NOT QUOLL_TARGET_LINUX)
  # The workstation uses the same standard library as the kernel.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-stdlib=libc++>)
  add_link_options(-stdlib=libc++ -fuse-ld=lld)
  if(QUOLL_SANITIZE)
    add_compile_options(-fsanitize=${QUOLL_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${QUOLL_SANITIZE})
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Both kernels share their runtime: what is compiled for one build directory serves the other.
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()
