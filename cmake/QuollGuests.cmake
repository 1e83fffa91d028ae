# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# WebAssembly programs of our own.
#
#   quoll_guest(<name> <source> [DEMO] [NAMED])
#       compiles a C source against wasi-libc, or assembles a .wat, into
#       guests/<name>.wasm of the build directory. A DEMO goes to demos/: those
#       are what a machine without a program offers at its prompt, and they must
#       need no more than the image itself needs. A NAMED one keeps the names of its
#       functions, as those from a .wat do.
#   The targets `guests` and `demos` are all of either kind.
set(QUOLL_GUEST_FLAGS --target=wasm32-wasi -O2 -std=gnu17 -Wall -Wextra -Werror)
add_custom_target(guests ALL)
add_custom_target(demos ALL)

function(quoll_guest name source)
  cmake_parse_arguments(PARSE_ARGV 2 arg "DEMO;NAMED" "" "")
  set(strip --strip-all)
  if(arg_NAMED)
    set(strip --strip-debug)
  endif()
  set(kind guests)
  if(arg_DEMO)
    set(kind demos)
  endif()
  set(output ${CMAKE_BINARY_DIR}/${kind}/${name}.wasm)
  cmake_path(ABSOLUTE_PATH source OUTPUT_VARIABLE input)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/${kind})
  if(source MATCHES "\\.wat$")
    find_program(QUOLL_WAT2WASM wat2wasm)
    if(NOT QUOLL_WAT2WASM)
      return() # Part of the tests' packages only.
    endif()
    set(command ${QUOLL_WAT2WASM} --debug-names ${input} -o ${output})
  else()
    # Linked without an -O: with one, the compiler runs binaryen's optimiser where that happens to be
    # installed, and programs, and what they cost, would differ from machine to machine.
    set(command clang-19 ${QUOLL_GUEST_FLAGS} -c ${input} -o ${CMAKE_CURRENT_BINARY_DIR}/${name}.o
        && clang-19 --target=wasm32-wasi -Wl,${strip} ${CMAKE_CURRENT_BINARY_DIR}/${name}.o
           -o ${output})
  endif()
  add_custom_command(OUTPUT ${output} COMMAND ${command} DEPENDS ${input}
                     COMMENT "Guest program ${name}" VERBATIM)
  add_custom_target(guest_${name} DEPENDS ${output})
  add_dependencies(${kind} guest_${name})
endfunction()
