// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "sample.hpp"

#include <cstring>
#include <string>

namespace quoll::test {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the sample is written in the terms of one header
using namespace elf;

constexpr std::uint64_t kRela = SampleElf::kConstants;
constexpr std::uint64_t kDynamicTable = SampleElf::kData + 0x20;
constexpr std::uint64_t kSymbolTable = 0x4800;
constexpr std::uint64_t kNames = 0x4c00;
const std::string kNameBytes("\0.loader_config\0.symtab\0.strtab\0start\0", 38);
constexpr std::uint32_t kConfigName = 1;
constexpr std::uint32_t kSymtabName = 16;
constexpr std::uint32_t kStrtabName = 24;
constexpr std::uint32_t kStartName = 32;

ProgramHeader segment(std::uint32_t type, std::uint32_t flags, std::uint64_t at,
                      std::uint64_t file_size, std::uint64_t memory_size, std::uint64_t align) {
  return {type, flags, at, at, at, file_size, memory_size, align};
}

SectionHeader section(std::uint32_t name, std::uint32_t type, std::uint64_t at, std::uint64_t size,
                      std::uint32_t link) {
  return {name, type, 0, at, at, size, link, 0, 1, 0};
}

template <typename T>
void put(std::vector<std::byte>& out, std::uint64_t at, const std::vector<T>& items) {
  if (!items.empty()) std::memcpy(out.data() + at, items.data(), items.size() * sizeof(T));
}

}  // namespace

SampleElf::SampleElf() {
  header.ident = {0x7F, 'E', 'L', 'F', kClass64, kLittleEndian, 1};
  header.type = kTypePositionIndependent;
  header.machine = kMachineRiscv;
  header.version = 1;
  header.entry = kCode + 4;
  header.program_headers_offset = sizeof(FileHeader);
  header.section_headers_offset = kSections;
  header.header_size = sizeof(FileHeader);
  header.program_header_size = sizeof(ProgramHeader);
  header.section_header_size = sizeof(SectionHeader);
  header.section_names_index = 3;
  segments = {
      segment(kSegmentLoad, kFlagRead, kConstants, 0x800, 0x800, 0x1000),
      segment(kSegmentLoad, kFlagRead | kFlagExecute, kCode, 0x123, 0x123, 0x1000),
      segment(kSegmentLoad, kFlagRead | kFlagWrite, kData, kDataFileSize, kDataMemorySize, 0x1000),
      segment(kSegmentDynamic, kFlagRead, kDynamicTable, 0x80, 0x80, 8),
      segment(kSegmentTls, kFlagRead, kData + 0x200, 0x18, 0x40, 16),
      segment(kSegmentRelro, kFlagRead, kData, 0x1000, 0x1000, 1)};
  relocations = {{kData + 0x10, kRelocationRelative, 0x2004},
                 {kData + 0x208, kRelocationRelative, 0x1400},
                 {0, kRelocationNone, 0},
                 {kData + 0x1105, kRelocationRelative, 1}};
  dynamic = {{kDynamicRela, kRela},
             {kDynamicRelaSize, relocations.size() * sizeof(RelocationEntry)},
             {kDynamicRelaEntrySize, sizeof(RelocationEntry)},
             {kDynamicEnd, 0}};
  symbols = {{}, {kStartName, kSymbolFunction, 0, 1, kCode + 4, 0x20}};
}

std::vector<std::byte> SampleElf::bytes() const {
  const std::vector<SectionHeader> sections = {
      {},
      section(kConfigName, 1, kConfig, 40, 0),
      section(kSymtabName, kSectionSymbolTable, kSymbolTable, symbols.size() * sizeof(SymbolEntry),
              3),
      section(kStrtabName, 3, kNames, kNameBytes.size(), 0)};
  std::vector<std::byte> out(kSections + sections.size() * sizeof(SectionHeader));
  FileHeader filled = header;
  filled.program_header_count = static_cast<std::uint16_t>(segments.size());
  filled.section_header_count = static_cast<std::uint16_t>(sections.size());
  std::memcpy(out.data(), &filled, sizeof filled);
  put(out, sizeof(FileHeader), segments);
  put(out, kRela, relocations);
  put(out, kDynamicTable, dynamic);
  put(out, kSymbolTable, symbols);
  put(out, kSections, sections);
  std::memcpy(out.data() + kNames, kNameBytes.data(), kNameBytes.size());
  return out;
}

}  // namespace quoll::test
