// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A small, complete ELF file, put together field by field so that a test can spoil any of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <quoll/elf/format.hpp>

namespace quoll::test {

/// Code, constants, and a writable segment with relocations, TLS template and RELRO; section
/// headers with a configuration section and a symbol.
struct SampleElf {
  elf::FileHeader header{};
  std::vector<elf::ProgramHeader> segments;
  std::vector<elf::RelocationEntry> relocations;
  std::vector<elf::DynamicEntry> dynamic;
  std::vector<elf::SymbolEntry> symbols;

  SampleElf();
  std::vector<std::byte> bytes() const;

  // Where things are; file offsets and linked addresses agree.
  static constexpr std::uint64_t kConstants = 0x1000;
  static constexpr std::uint64_t kCode = 0x2000;
  static constexpr std::uint64_t kData = 0x3000;
  static constexpr std::uint64_t kDataFileSize = 0x1100;
  static constexpr std::uint64_t kDataMemorySize = 0x2345;
  static constexpr std::uint64_t kConfig = kConstants + 0x400;
  static constexpr std::uint64_t kSections = 0x5000;
  static constexpr std::size_t kFirstLoad = 0;
  static constexpr std::size_t kCodeLoad = 1;
  static constexpr std::size_t kDataLoad = 2;
  static constexpr std::size_t kDynamicSegment = 3;
  static constexpr std::size_t kTlsSegment = 4;
  static constexpr std::size_t kRelroSegment = 5;
};

}  // namespace quoll::test
