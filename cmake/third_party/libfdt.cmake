# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# libfdt: the device tree. Taken from the copy that Trusted Firmware carries; the
# directory may as well be `libfdt` of the device tree compiler's own sources.
quoll_fetch_source(LIBFDT
  PACKAGE arm-trusted-firmware
  ARCHIVE arm-trusted-firmware_2.8.0+dfsg.orig.tar.xz
  SHA256 a4ecc35e0b893fe8682c075fc1bdb858de87e4cb18fbed9a1597e2c9f6d320de
  FOLDERS */lib/libfdt/*)
foreach(candidate "" lib/libfdt libfdt)
  if(EXISTS ${QUOLL_LIBFDT_DIR}/${candidate}/fdt_ro.c)
    set(libfdt_sources ${QUOLL_LIBFDT_DIR}/${candidate})
  endif()
endforeach()
foreach(candidate "" include/lib/libfdt libfdt)
  if(EXISTS ${QUOLL_LIBFDT_DIR}/${candidate}/libfdt.h)
    set(libfdt_headers ${QUOLL_LIBFDT_DIR}/${candidate})
  endif()
endforeach()
if(NOT libfdt_sources OR NOT libfdt_headers)
  message(FATAL_ERROR "QUOLL_LIBFDT_DIR: no libfdt in ${QUOLL_LIBFDT_DIR}")
endif()
set(libfdt_files fdt.c fdt_ro.c fdt_wip.c fdt_sw.c fdt_rw.c fdt_strerror.c fdt_empty_tree.c
                 fdt_addresses.c)
list(TRANSFORM libfdt_files PREPEND ${libfdt_sources}/)
quoll_third_party_library(libfdt SOURCES ${libfdt_files}
                          INCLUDES ${libfdt_headers} ${libfdt_sources})
