# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# xxHash: one header (package libxxhash-dev), always inlined. It is copied to a
# directory of its own, since the folder where it lies has the workstation's C
# library beside it.
set(QUOLL_XXHASH_DIR /usr/include CACHE PATH "Directory that holds xxhash.h")
if(NOT EXISTS ${QUOLL_XXHASH_DIR}/xxhash.h)
  message(FATAL_ERROR "QUOLL_XXHASH_DIR: no xxhash.h in ${QUOLL_XXHASH_DIR} (libxxhash-dev)")
endif()
set(xxhash_include ${CMAKE_BINARY_DIR}/third_party/xxhash)
configure_file(${QUOLL_XXHASH_DIR}/xxhash.h ${xxhash_include}/xxhash.h COPYONLY)
foreach(flavour "" ".user")
  add_library(quoll_xxhash${flavour} INTERFACE)
  target_include_directories(quoll_xxhash${flavour} SYSTEM INTERFACE ${xxhash_include})
  target_compile_definitions(quoll_xxhash${flavour} INTERFACE
                             XXH_INLINE_ALL XXH_NO_STDLIB XXH_VECTOR=XXH_SCALAR)
endforeach()
