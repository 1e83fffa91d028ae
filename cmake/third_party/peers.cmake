# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Libraries that ours is measured beside: Boost.Asio (package libboost1.81-dev) and oneTBB
# (libtbb-dev). Nothing but a benchmark uses them, and only if asked for.
option(QUOLL_PEERS "Benchmarks beside other libraries, which must be installed" OFF)
if(QUOLL_TARGET_RISCV64 OR NOT QUOLL_PEERS)
  return()
endif()
find_package(Boost 1.81 REQUIRED)
find_package(TBB 2021 REQUIRED)
find_package(wabt REQUIRED)
foreach(peer boost tbb wabt)
  add_library(quoll_peer_${peer} INTERFACE)
  # They name types by RTTI.
  target_compile_options(quoll_peer_${peer} INTERFACE -frtti)
endforeach()
target_include_directories(quoll_peer_boost SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_link_libraries(quoll_peer_tbb INTERFACE TBB::tbb)
# Its interface is made of the other standard library's types.
target_compile_options(quoll_peer_wabt INTERFACE -stdlib=libstdc++)
target_link_options(quoll_peer_wabt INTERFACE -stdlib=libstdc++)
target_link_libraries(quoll_peer_wabt INTERFACE wabt::wabt)
