# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Unpacks the official test suite and runs it: cmake -DSHARED=… -DRUNNER=… -DWORK=… -P run_suite.cmake
set(archive ${SHARED}/spec-tests/spec-2.0.tar.zst)
set(counts ${SHARED}/spec-tests/counts-spec-2.0.tsv)
foreach(file IN ITEMS ${archive} ${counts})
  if(NOT EXISTS ${file})
    message("skipped: ${file} is missing")
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
execute_process(COMMAND ${RUNNER} ${counts} ${WORK}/wg-2.0 RESULT_VARIABLE result)
if(result)
  message(FATAL_ERROR "the suite does not pass")
endif()
