# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# GoogleTest, built with our own flags: the packaged archives are for libstdc++.
if(QUOLL_TARGET_RISCV64)
  return()
endif()
set(QUOLL_GOOGLETEST_DIR /usr/src/googletest CACHE PATH "GoogleTest's sources")
set(gtest_root ${QUOLL_GOOGLETEST_DIR}/googletest)
if(NOT EXISTS ${gtest_root}/src/gtest-all.cc)
  message(FATAL_ERROR "QUOLL_GOOGLETEST_DIR: no GoogleTest in ${QUOLL_GOOGLETEST_DIR}")
endif()
add_library(quoll_gtest_main STATIC EXCLUDE_FROM_ALL
            ${gtest_root}/src/gtest-all.cc ${gtest_root}/src/gtest_main.cc)
target_include_directories(quoll_gtest_main SYSTEM PUBLIC ${gtest_root}/include)
target_include_directories(quoll_gtest_main PRIVATE ${gtest_root})
target_compile_definitions(quoll_gtest_main PUBLIC GTEST_HAS_RTTI=0 GTEST_HAS_PTHREAD=1)
find_package(Threads REQUIRED)
target_link_libraries(quoll_gtest_main PUBLIC Threads::Threads)
