// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>

#include <quoll/elf/symbols.hpp>

namespace quoll::elf {
namespace {

struct SymbolTable {
  std::span<const std::byte> entries;
  std::span<const std::byte> names;
};

std::optional<SymbolTable> symbol_table(const Image& image) noexcept {
  for (std::size_t i = 0; i < image.section_count(); ++i) {
    const auto header = image.section_header(i);
    if (!header) return std::nullopt;
    if (header->type != kSectionSymbolTable) continue;
    const auto names_header = image.section_header(header->link);
    if (!names_header) return std::nullopt;
    const auto entries = image.section_content(*header);
    const auto names = image.section_content(*names_header);
    if (!entries || !names) return std::nullopt;
    return SymbolTable{*entries, *names};
  }
  return std::nullopt;
}

std::string_view name_at(std::span<const std::byte> names, std::uint32_t offset) noexcept {
  if (offset >= names.size()) return {};
  // SAFETY: char may alias the file's bytes.
  const auto* text = reinterpret_cast<const char*>(names.data() + offset);
  const std::string_view rest(text, names.size() - offset);
  const std::size_t length = rest.find('\0');
  return length == std::string_view::npos ? std::string_view{} : rest.substr(0, length);
}

}  // namespace

std::optional<Symbol> function_at(const Image& image, std::uint64_t address) noexcept {
  const auto table = symbol_table(image);
  if (!table) return std::nullopt;
  for (std::size_t at = 0; at + sizeof(SymbolEntry) <= table->entries.size();
       at += sizeof(SymbolEntry)) {
    SymbolEntry entry;
    __builtin_memcpy(&entry, table->entries.data() + at, sizeof entry);
    if ((entry.info & 0xF) != kSymbolFunction || address < entry.value ||
        address - entry.value >= entry.size) {
      continue;
    }
    const std::string_view name = name_at(table->names, entry.name);
    if (!name.empty()) return Symbol{name, entry.value, entry.size};
  }
  return std::nullopt;
}

}  // namespace quoll::elf
