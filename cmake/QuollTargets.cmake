# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# How a room declares itself.
#
#   quoll_library(<room> [SOURCES ...] [DEPS <room> ...] [THIRD_PARTY <target> ...])
#       libs/<room>: the target quoll_<room>. For RISC-V it exists three times, as
#       quoll_<room> (kernel and loader: no floating point registers) and as
#       quoll_<room>.user and quoll_<room>.user-zb (the guest runtime, and the same for machines
#       with Zba and Zbb); each links its own kind. For Linux on RISC-V it has the guest runtime's
#       flags, as far as they are not about what lies beneath.
#   quoll_unit_test(<room> SOURCES ... [DEPS <target> ...])
#       tests/unit/<room>: one GoogleTest program, CTest label `unit`. Host only.
#   quoll_thread_test(<room> SOURCES ... [DEPS <target without sources> ...] [ROOMS <target> ...])
#       tests/unit/<room>: a program of its own under ThreadSanitizer, whatever sanitizers the
#       rest is built with; the sources of ROOMS are compiled for it again. CTest label `unit`.
#       Host only.

set(QUOLL_RISCV_CODE
    -ffunction-sections -fdata-sections
    -fno-threadsafe-statics -fno-stack-protector -fno-omit-frame-pointer)
set(QUOLL_RISCV_COMMON
    -mcmodel=medany -ffreestanding ${QUOLL_RISCV_CODE}
    $<$<COMPILE_LANGUAGE:CXX>:-nostdinc++>
    $<$<COMPILE_LANGUAGE:CXX>:-isystem${CMAKE_SOURCE_DIR}/cmake/libcxx>
    $<$<COMPILE_LANGUAGE:CXX>:-isystem/usr/lib/llvm-19/include/c++/v1>
    -nostdlibinc -isystem/usr/lib/picolibc/riscv64-unknown-elf/include)
# The kernel never touches floating point, so a guest's registers stay live in it.
set(QUOLL_KERNEL_FLAGS ${QUOLL_RISCV_COMMON}
    -march=rv64imac_zicsr_zifencei -mabi=lp64 -fpie
    # Backtraces go by the unwind tables.
    -fomit-frame-pointer
    $<$<COMPILE_LANGUAGE:CXX>:-fexceptions>
    # Of functions that throw nothing too: a fault can be anywhere.
    $<$<COMPILE_LANGUAGE:C,CXX>:-fasynchronous-unwind-tables>
    # The standard library itself aborts: panic() is the only thrower.
    $<$<COMPILE_LANGUAGE:CXX>:-D_LIBCPP_HAS_NO_EXCEPTIONS>)
if(QUOLL_CHECKED)
  list(APPEND QUOLL_KERNEL_FLAGS -O1 -fno-inline-functions -DQUOLL_CHECK_LOCK_RANKS)
else()
  list(APPEND QUOLL_KERNEL_FLAGS -DNDEBUG)
endif()
# Nobody walks the runtime's frames: backtraces are of WebAssembly's calls.
set(QUOLL_USER_CODE -mabi=lp64d -DNDEBUG -fomit-frame-pointer
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
set(QUOLL_USER_FLAGS ${QUOLL_RISCV_COMMON} -march=rv64gc ${QUOLL_USER_CODE})
set(QUOLL_USER_ZB_FLAGS ${QUOLL_RISCV_COMMON} -march=rv64gc_zba_zbb ${QUOLL_USER_CODE})
# The same code in a Linux process, for the instruction set of the preset. As in a freestanding program
# no loop becomes a call of memset. The other standard library deduces an array's type from all its
# elements in one expression.
set(QUOLL_LINUX_FLAGS -mcmodel=medany -fno-builtin ${QUOLL_RISCV_CODE} ${QUOLL_USER_CODE}
    -fbracket-depth=1024)

function(_quoll_add_library target suffix flags)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "ROOM" "SOURCES;DEPS;THIRD_PARTY")
  set(include_dir ${CMAKE_CURRENT_SOURCE_DIR}/include)
  if(arg_SOURCES)
    add_library(${target} STATIC EXCLUDE_FROM_ALL ${arg_SOURCES})
    set(scope PUBLIC)
    target_compile_options(${target} PRIVATE ${QUOLL_WARNINGS} ${flags})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${include_dir})
  foreach(dep IN LISTS arg_DEPS)
    target_link_libraries(${target} ${scope} quoll_${dep}${suffix})
  endforeach()
  foreach(dep IN LISTS arg_THIRD_PARTY)
    target_link_libraries(${target} ${scope} ${dep}${suffix})
  endforeach()
endfunction()

function(quoll_library room)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;THIRD_PARTY")
  if(QUOLL_TARGET_RISCV64)
    _quoll_add_library(quoll_${room} "" "${QUOLL_KERNEL_FLAGS}" ${ARGN})
    _quoll_add_library(quoll_${room}.user ".user" "${QUOLL_USER_FLAGS}" ${ARGN})
    _quoll_add_library(quoll_${room}.user-zb ".user-zb" "${QUOLL_USER_ZB_FLAGS}" ${ARGN})
  elseif(QUOLL_TARGET_LINUX)
    _quoll_add_library(quoll_${room} "" "${QUOLL_LINUX_FLAGS}" ${ARGN})
  else()
    _quoll_add_library(quoll_${room} "" "" ${ARGN})
  endif()
endfunction()

function(quoll_unit_test room)
  if(QUOLL_TARGET_RISCV64)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  set(target ${room}_test)
  add_executable(${target} ${arg_SOURCES})
  target_compile_options(${target} PRIVATE ${QUOLL_WARNINGS})
  target_compile_definitions(${target} PRIVATE QUOLL_SHARED_DIR="${QUOLL_SHARED_DIR}")
  target_link_libraries(${target} PRIVATE ${arg_DEPS} quoll_gtest_main)
  add_test(NAME unit.${room} COMMAND ${target})
  # One skipped case shows as a skipped test: nothing is passed over in silence.
  set_tests_properties(unit.${room} PROPERTIES LABELS unit TIMEOUT 300
                       SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()

function(quoll_thread_test room)
  if(QUOLL_TARGET_RISCV64)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;ROOMS")
  set(target ${room}_thread_test)
  add_executable(${target} ${arg_SOURCES} ${CMAKE_SOURCE_DIR}/tests/support/assertion_failed.cpp)
  foreach(other IN LISTS arg_ROOMS)
    get_target_property(folder ${other} SOURCE_DIR)
    get_target_property(sources ${other} SOURCES)
    list(TRANSFORM sources PREPEND ${folder}/)
    target_sources(${target} PRIVATE ${sources})
    target_include_directories(${target} PRIVATE
                               $<TARGET_PROPERTY:${other},INTERFACE_INCLUDE_DIRECTORIES>)
    target_compile_definitions(${target} PRIVATE
                               $<TARGET_PROPERTY:${other},INTERFACE_COMPILE_DEFINITIONS>)
  endforeach()
  target_compile_options(${target} PRIVATE ${QUOLL_WARNINGS} -fno-sanitize=all -fsanitize=thread)
  target_link_options(${target} PRIVATE -fno-sanitize=all -fsanitize=thread)
  target_link_libraries(${target} PRIVATE ${arg_DEPS} Threads::Threads)
  add_test(NAME unit.${room}.threads COMMAND ${target})
  set_tests_properties(unit.${room}.threads PROPERTIES LABELS unit TIMEOUT 300)
endfunction()
