// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The ELF64 structures and numbers that this room reads (System V ABI, chapters 4 and 5; RISC-V
// ELF psABI, "Relocations").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quoll::elf {

struct FileHeader {
  std::array<std::uint8_t, 16> ident;
  std::uint16_t type;
  std::uint16_t machine;
  std::uint32_t version;
  std::uint64_t entry;
  std::uint64_t program_headers_offset;
  std::uint64_t section_headers_offset;
  std::uint32_t flags;
  std::uint16_t header_size;
  std::uint16_t program_header_size;
  std::uint16_t program_header_count;
  std::uint16_t section_header_size;
  std::uint16_t section_header_count;
  std::uint16_t section_names_index;
};
static_assert(sizeof(FileHeader) == 64);

struct ProgramHeader {
  std::uint32_t type;
  std::uint32_t flags;
  std::uint64_t offset;
  std::uint64_t virtual_address;
  std::uint64_t physical_address;
  std::uint64_t file_size;
  std::uint64_t memory_size;
  std::uint64_t alignment;
};
static_assert(sizeof(ProgramHeader) == 56);

struct SectionHeader {
  std::uint32_t name;
  std::uint32_t type;
  std::uint64_t flags;
  std::uint64_t address;
  std::uint64_t offset;
  std::uint64_t size;
  std::uint32_t link;
  std::uint32_t info;
  std::uint64_t alignment;
  std::uint64_t entry_size;
};
static_assert(sizeof(SectionHeader) == 64);

struct DynamicEntry {
  std::uint64_t tag;
  std::uint64_t value;
};
static_assert(sizeof(DynamicEntry) == 16);

struct RelocationEntry {
  std::uint64_t offset;
  std::uint64_t info;
  std::int64_t addend;
};
static_assert(sizeof(RelocationEntry) == 24);

struct SymbolEntry {
  std::uint32_t name;
  std::uint8_t info;
  std::uint8_t other;
  std::uint16_t section;
  std::uint64_t value;
  std::uint64_t size;
};
static_assert(sizeof(SymbolEntry) == 24);

inline constexpr std::uint8_t kClass64 = 2;
inline constexpr std::uint8_t kLittleEndian = 1;
inline constexpr std::uint16_t kMachineRiscv = 243;
inline constexpr std::uint16_t kTypeExecutable = 2;
inline constexpr std::uint16_t kTypePositionIndependent = 3;

inline constexpr std::uint32_t kSegmentLoad = 1;
inline constexpr std::uint32_t kSegmentDynamic = 2;
inline constexpr std::uint32_t kSegmentInterpreter = 3;
inline constexpr std::uint32_t kSegmentTls = 7;
inline constexpr std::uint32_t kSegmentRelro = 0x6474E552;

inline constexpr std::uint32_t kFlagExecute = 1;
inline constexpr std::uint32_t kFlagWrite = 2;
inline constexpr std::uint32_t kFlagRead = 4;

inline constexpr std::uint64_t kDynamicEnd = 0;
inline constexpr std::uint64_t kDynamicNeeded = 1;
inline constexpr std::uint64_t kDynamicPltRelocationSize = 2;
inline constexpr std::uint64_t kDynamicRela = 7;
inline constexpr std::uint64_t kDynamicRelaSize = 8;
inline constexpr std::uint64_t kDynamicRelaEntrySize = 9;
inline constexpr std::uint64_t kDynamicRelSize = 18;
inline constexpr std::uint64_t kDynamicRelrSize = 35;

inline constexpr std::uint32_t kRelocationNone = 0;
inline constexpr std::uint32_t kRelocationRelative = 3;

inline constexpr std::uint32_t kSectionSymbolTable = 2;
inline constexpr std::uint32_t kSectionNoBits = 8;
inline constexpr std::uint8_t kSymbolFunction = 2;

}  // namespace quoll::elf
