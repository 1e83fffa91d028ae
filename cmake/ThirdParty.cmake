# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Code that others wrote. None of it is in this repository: each package has a
# file beside this one that pins an archive by its SHA-256 or names the Debian
# package that carries it, and a cache variable QUOLL_<PACKAGE>_DIR that names a
# directory to use instead.
#
#   quoll_fetch_source(<NAME> PACKAGE <source package> ARCHIVE <file> SHA256 <sum>
#                      FOLDERS <pattern> ...)
#       sets QUOLL_<NAME>_DIR in the cache, unless the user has.
#   quoll_third_party_library(<name> SOURCES ... [INCLUDES ...] [DEFINES ...] [KERNEL_ONLY])
#       the target quoll_<name>, and quoll_<name>.user for RISC-V, built with our
#       machine flags and without our warnings.
function(quoll_fetch_source name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "PACKAGE;ARCHIVE;SHA256" "FOLDERS")
  string(TOLOWER ${name} lower)
  set(QUOLL_${name}_DIR "" CACHE PATH "Sources of ${lower}; empty: fetched and cached")
  if(QUOLL_${name}_DIR AND IS_DIRECTORY "${QUOLL_${name}_DIR}")
    return()
  endif()
  execute_process(
    COMMAND ${CMAKE_SOURCE_DIR}/tools/lib/fetch-source.sh
            ${lower} ${arg_PACKAGE} ${arg_ARCHIVE} ${arg_SHA256} ${arg_FOLDERS}
    OUTPUT_VARIABLE directory OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${lower}: sources not available (set QUOLL_${name}_DIR to a directory)")
  endif()
  set(QUOLL_${name}_DIR "${directory}" CACHE PATH "Sources of ${lower}" FORCE)
endfunction()

function(_quoll_third_party_target target flags)
  cmake_parse_arguments(PARSE_ARGV 2 arg "KERNEL_ONLY" "" "SOURCES;INCLUDES;DEFINES")
  add_library(${target} STATIC EXCLUDE_FROM_ALL ${arg_SOURCES})
  target_include_directories(${target} SYSTEM PUBLIC ${arg_INCLUDES})
  target_compile_definitions(${target} PRIVATE ${arg_DEFINES})
  list(GET arg_SOURCES 0 first)
  cmake_path(GET first PARENT_PATH folder)
  target_compile_options(${target} PRIVATE ${flags} -w -ffile-prefix-map=${folder}=${target})
endfunction()

function(quoll_third_party_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "KERNEL_ONLY" "" "SOURCES;INCLUDES;DEFINES")
  if(QUOLL_TARGET_RISCV64)
    _quoll_third_party_target(quoll_${name} "${QUOLL_KERNEL_FLAGS}" ${ARGN})
    if(NOT arg_KERNEL_ONLY)
      _quoll_third_party_target(quoll_${name}.user "${QUOLL_USER_FLAGS}" ${ARGN})
    endif()
  else()
    _quoll_third_party_target(quoll_${name} "" ${ARGN})
  endif()
endfunction()

include(third_party/libfdt)
include(third_party/xxhash)
include(third_party/llvm)
include(third_party/googletest)
include(third_party/peers)
