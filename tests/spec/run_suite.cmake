# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Unpacks one edition of the official test suite and runs its set:
# cmake -DSHARED=… -DEDITION=… -DRUNNER=… -DLISTS=… -DWORK=… -P run_suite.cmake
set(archive ${SHARED}/spec-tests/spec-${EDITION}.tar.zst)
set(counts ${SHARED}/spec-tests/counts-spec-${EDITION}.tsv)
foreach(file IN ITEMS ${archive} ${counts})
  if(NOT EXISTS ${file})
    message("skipped: ${file} is missing. It is the official WebAssembly test suite, converted; "
            "tests/spec/README.md says how to get it and to name its place with QUOLL_SHARED_DIR.")
    return()
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
execute_process(COMMAND ${CMAKE_COMMAND} -E tar xf ${archive} WORKING_DIRECTORY ${WORK}
                RESULT_VARIABLE result)
if(result)
  message(FATAL_ERROR "${archive} cannot be unpacked")
endif()
execute_process(COMMAND ${RUNNER} ${EDITION} ${WORK}/wg-${EDITION} ${counts} ${LISTS}
                RESULT_VARIABLE result)
if(result)
  message(FATAL_ERROR "the suite does not pass")
endif()
