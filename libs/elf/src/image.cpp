// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <bit>
#include <cstring>

#include <quoll/base/checked.hpp>
#include <quoll/elf/image.hpp>
#include <quoll/elf/relocations.hpp>

namespace quoll::elf {
namespace {

template <typename T>
std::optional<T> load(std::span<const std::byte> file, std::uint64_t offset) noexcept {
  if (!base::fits_within<std::uint64_t>(offset, sizeof(T), file.size())) return std::nullopt;
  T out;
  __builtin_memcpy(&out, file.data() + offset, sizeof out);
  return out;
}

// The `index`-th element of a table of `size`-byte elements.
template <typename T>
std::optional<T> load_element(std::span<const std::byte> file, std::uint64_t table,
                              std::uint64_t index, std::uint64_t size) noexcept {
  const auto distance = base::checked_mul(index, size);
  if (!distance) return std::nullopt;
  const auto offset = base::checked_add(table, *distance);
  if (!offset) return std::nullopt;
  return load<T>(file, *offset);
}

base::Result<FileHeader, Error> read_header(std::span<const std::byte> file) noexcept {
  const auto header = load<FileHeader>(file, 0);
  if (!header) return base::err(Error::kTruncated);
  const auto& ident = header->ident;
  if (ident[0] != 0x7F || ident[1] != 'E' || ident[2] != 'L' || ident[3] != 'F') {
    return base::err(Error::kNotElf);
  }
  if (ident[4] != kClass64 || ident[5] != kLittleEndian || header->machine != kMachineRiscv) {
    return base::err(Error::kWrongMachine);
  }
  if (header->type != kTypeExecutable && header->type != kTypePositionIndependent) {
    return base::err(Error::kWrongType);
  }
  if (ident[6] != 1 || header->version != 1 || header->header_size != sizeof(FileHeader) ||
      header->program_header_size != sizeof(ProgramHeader)) {
    return base::err(Error::kBadHeader);
  }
  if (header->program_header_count == 0) return base::err(Error::kNoSegments);
  return *header;
}

}  // namespace

base::Result<Image, Error> Image::open(std::span<const std::byte> file) noexcept {
  Image image(file, TRY(read_header(file)));
  TRY(image.read_segments());
  TRY(image.check_entry());
  return image;
}

base::Result<std::span<const std::byte>, Error> Image::bytes(std::uint64_t offset,
                                                             std::uint64_t size,
                                                             Error otherwise) const noexcept {
  if (!base::fits_within<std::uint64_t>(offset, size, file_.size())) return base::err(otherwise);
  return file_.subspan(offset, size);
}

// Two passes: what refers to segments comes before them in the table as often as behind.
base::Result<void, Error> Image::read_segments() noexcept {
  const auto each = [this](auto visit) -> base::Result<void, Error> {
    for (std::uint64_t i = 0; i < header_.program_header_count; ++i) {
      const auto header = load_element<ProgramHeader>(file_, header_.program_headers_offset, i,
                                                      sizeof(ProgramHeader));
      if (!header) return base::err(Error::kTruncated);
      TRY(visit(*header));
    }
    return {};
  };
  TRY(each([this](const ProgramHeader& header) -> base::Result<void, Error> {
    if (header.type == kSegmentInterpreter) return base::err(Error::kBadDynamic);
    return header.type == kSegmentLoad ? add_segment(header) : base::Result<void, Error>{};
  }));
  if (segment_count_ == 0) return base::err(Error::kNoSegments);
  return each([this](const ProgramHeader& header) -> base::Result<void, Error> {
    if (header.type == kSegmentTls) return read_tls(header);
    if (header.type == kSegmentDynamic) return read_dynamic(header);
    if (header.type == kSegmentRelro) {
      const Segment* inside = segment_with(header.virtual_address, header.memory_size);
      if (inside == nullptr || inside->access != Access::kReadWrite) {
        return base::err(Error::kBadSegment);
      }
      relro_ = AddressRange{header.virtual_address, header.virtual_address + header.memory_size};
    }
    return {};
  });
}

base::Result<void, Error> Image::add_segment(const ProgramHeader& header) noexcept {
  if (header.memory_size == 0) return {};
  if (segment_count_ == kMaxSegments) return base::err(Error::kTooManySegments);
  if (header.file_size > header.memory_size || (header.flags & kFlagRead) == 0) {
    return base::err(Error::kBadSegment);
  }
  if ((header.flags & kFlagWrite) != 0 && (header.flags & kFlagExecute) != 0) {
    return base::err(Error::kWritableAndExecutable);
  }
  if ((header.virtual_address - header.offset) % kPageSize != 0) {
    return base::err(Error::kBadSegment);
  }
  const auto end = base::checked_add(header.virtual_address, header.memory_size);
  if (!end || !base::checked_add(*end, kPageSize)) return base::err(Error::kBadSegment);

  Segment segment;
  segment.address = header.virtual_address;
  segment.memory_size = header.memory_size;
  segment.file_offset = header.offset;
  segment.content = TRY(bytes(header.offset, header.file_size, Error::kTruncated));
  if ((header.flags & kFlagExecute) != 0) {
    segment.access = Access::kReadExecute;
  } else if ((header.flags & kFlagWrite) != 0) {
    segment.access = Access::kReadWrite;
  }
  if (segment_count_ > 0) {
    const Segment& before = segments_[segment_count_ - 1];
    // Ascending is what the format promises. Equal permissions may share a page; they never do.
    if (segment.first_page() < before.end_page()) return base::err(Error::kSegmentsOverlap);
  }
  segments_[segment_count_++] = segment;
  return {};
}

base::Result<void, Error> Image::read_tls(const ProgramHeader& header) noexcept {
  if (header.memory_size == 0) return {};
  if (header.file_size > header.memory_size || tls_.has_value()) return base::err(Error::kBadTls);
  TlsTemplate tls;
  tls.address = header.virtual_address;
  tls.content_size = header.file_size;
  if (header.file_size != 0 && segment_with(header.virtual_address, header.file_size) == nullptr) {
    return base::err(Error::kBadTls);
  }
  tls.memory_size = header.memory_size;
  tls.alignment = header.alignment == 0 ? 1 : header.alignment;
  if (!std::has_single_bit(tls.alignment) || tls.alignment > kPageSize ||
      tls.memory_size > (std::uint64_t{1} << 30)) {
    return base::err(Error::kBadTls);
  }
  tls_ = tls;
  return {};
}

base::Result<void, Error> Image::read_dynamic(const ProgramHeader& header) noexcept {
  const auto table = TRY(bytes(header.offset, header.file_size, Error::kBadDynamic));
  std::uint64_t rela = 0;
  std::uint64_t rela_size = 0;
  std::uint64_t entry_size = sizeof(RelocationEntry);
  for (std::uint64_t at = 0; at + sizeof(DynamicEntry) <= table.size();
       at += sizeof(DynamicEntry)) {
    const auto entry = load<DynamicEntry>(table, at);
    if (!entry || entry->tag == kDynamicEnd) break;
    switch (entry->tag) {
      case kDynamicNeeded:
        return base::err(Error::kBadDynamic);
      case kDynamicRela:
        rela = entry->value;
        break;
      case kDynamicRelaSize:
        rela_size = entry->value;
        break;
      case kDynamicRelaEntrySize:
        entry_size = entry->value;
        break;
      case kDynamicPltRelocationSize:
      case kDynamicRelSize:
      case kDynamicRelrSize:
        if (entry->value != 0) return base::err(Error::kUnsupportedRelocation);
        break;
      default:
        break;
    }
  }
  if (rela_size == 0) return {};
  if (entry_size != sizeof(RelocationEntry) || rela_size % entry_size != 0) {
    return base::err(Error::kBadDynamic);
  }
  const Segment* holder = segment_with(rela, rela_size);
  if (holder == nullptr || !base::fits_within<std::uint64_t>(rela - holder->address, rela_size,
                                                             holder->content.size())) {
    return base::err(Error::kBadDynamic);
  }
  relocations_ = holder->content.subspan(rela - holder->address, rela_size);
  return check_relocations();
}

base::Result<void, Error> Image::check_relocations() const noexcept {
  const Segment* last = nullptr;
  for (std::size_t i = 0; i < relocations_.size(); i += sizeof(RelocationEntry)) {
    RelocationEntry entry;
    __builtin_memcpy(&entry, relocations_.data() + i, sizeof entry);
    if (static_cast<std::uint32_t>(entry.info) == kRelocationNone) continue;
    if (entry.info != kRelocationRelative) return base::err(Error::kUnsupportedRelocation);
    if (last == nullptr || !last->contains(entry.offset, 8)) {
      last = segment_with(entry.offset, 8);
      if (last == nullptr || last->access != Access::kReadWrite) {
        return base::err(Error::kBadRelocation);
      }
    }
  }
  return {};
}

base::Result<void, Error> Image::check_entry() const noexcept {
  const Segment* code = segment_with(header_.entry, 2);
  if (code == nullptr || code->access != Access::kReadExecute || header_.entry % 2 != 0) {
    return base::err(Error::kBadEntry);
  }
  return {};
}

const Segment* Image::segment_with(std::uint64_t address, std::uint64_t size) const noexcept {
  for (const Segment& segment : segments()) {
    if (segment.contains(address, size)) return &segment;
  }
  return nullptr;
}

AddressRange Image::pages() const noexcept {
  return {segments_[0].first_page(), segments_[segment_count_ - 1].end_page()};
}

std::size_t Image::section_count() const noexcept {
  if (header_.section_header_size != sizeof(SectionHeader)) return 0;
  return header_.section_header_count;
}

std::optional<SectionHeader> Image::section_header(std::size_t index) const noexcept {
  if (index >= section_count()) return std::nullopt;
  return load_element<SectionHeader>(file_, header_.section_headers_offset, index,
                                     sizeof(SectionHeader));
}

std::optional<std::span<const std::byte>> Image::section_content(
    const SectionHeader& header) const noexcept {
  if (header.type == kSectionNoBits) return std::span<const std::byte>{};
  if (!base::fits_within<std::uint64_t>(header.offset, header.size, file_.size())) {
    return std::nullopt;
  }
  return file_.subspan(header.offset, header.size);
}

std::optional<Section> Image::section(std::string_view name) const noexcept {
  const auto names_header = section_header(header_.section_names_index);
  if (!names_header) return std::nullopt;
  const auto names = section_content(*names_header);
  if (!names) return std::nullopt;
  for (std::size_t i = 0; i < section_count(); ++i) {
    const auto header = section_header(i);
    if (!header) return std::nullopt;
    // The name and its NUL.
    if (!base::fits_within<std::uint64_t>(header->name, name.size() + 1, names->size())) continue;
    const std::byte* text = names->data() + header->name;
    if (std::memcmp(text, name.data(), name.size()) != 0 || text[name.size()] != std::byte{0}) {
      continue;
    }
    const auto content = section_content(*header);
    if (!content) return std::nullopt;
    return Section{*content, header->address};
  }
  return std::nullopt;
}

}  // namespace quoll::elf
