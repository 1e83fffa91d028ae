// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "decode/module_decoder.hpp"

#include <new>

#include <quoll/wasm/limits.hpp>

namespace quoll::wasm {

namespace {

constexpr std::uint32_t kMagic = 0x6d736100;  // "\0asm"
constexpr std::uint32_t kVersion = 1;

/// Where a section stands in the prescribed order; the data count comes before the code.
constexpr std::uint8_t kSectionOrder[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10};

}  // namespace

base::Result<std::unique_ptr<Module>, ModuleError> Module::decode(
    std::span<const std::uint8_t> bytes, Features features) {
  if (bytes.size() > kMaxModuleBytes) return base::err(ModuleError{Rule::kModuleTooLarge, 0});
  std::unique_ptr<Module> module(new (std::nothrow) Module());
  if (!module) return base::err(ModuleError{Rule::kOutOfMemory, 0});
  module->features_ = features;
  module->bytes_ = bytes;
  ModuleDecoder decoder(*module, bytes);
  if (!decoder.decode()) return base::err(ModuleError(decoder.error()));
  return module;
}

bool ModuleDecoder::decode() {
  return check_header() && decode_sections() && finish();
}

bool ModuleDecoder::check_header() {
  std::uint32_t word;
  if (!reader_.read_fixed32(word)) return fail(reader_.error());
  if (word != kMagic) return fail(Rule::kBadMagic, 0);
  if (!reader_.read_fixed32(word)) return fail(reader_.error());
  if (word != kVersion) return fail(Rule::kBadVersion, sizeof(kMagic));
  return true;
}

bool ModuleDecoder::decode_sections() {
  std::uint8_t last = 0;
  while (!reader_.at_end()) {
    const std::uint64_t start = reader_.offset();
    std::uint8_t id;
    std::uint32_t size;
    std::span<const std::uint8_t> content;
    if (!reader_.read_byte(id)) return fail(reader_.error());
    if (id >= sizeof(kSectionOrder)) return fail(Rule::kMalformedSectionId, start);
    if (!reader_.read_count(size) || !reader_.read_bytes(size, content)) {
      return fail(reader_.error());
    }
    if (id != 0) {
      if (kSectionOrder[id] <= last) return fail(Rule::kSectionOrder, start);
      last = kSectionOrder[id];
    }
    Reader section(content, reader_.offset() - size);
    if (!decode_section(static_cast<SectionId>(id), section)) {
      return fail(section.error());
    }
    if (!section.at_end()) return fail(Rule::kSectionSize, section.offset());
  }
  return true;
}

bool ModuleDecoder::read_count(Reader& reader, std::uint32_t& out, const CountBound& bound) {
  const std::uint64_t start = reader.offset();
  if (!reader.read_count(out, bound.least_bytes)) return false;
  return out + bound.already <= bound.most || reader.fail(bound.rule, start);
}

bool ModuleDecoder::decode_section(SectionId id, Reader& reader) {
  switch (id) {
    case SectionId::kCustom:
      return decode_custom(reader);
    case SectionId::kType:
      return decode_types(reader);
    case SectionId::kImport:
      return decode_imports(reader);
    case SectionId::kFunction:
      return decode_functions(reader);
    case SectionId::kTable:
      return decode_tables(reader);
    case SectionId::kMemory:
      return decode_memories(reader);
    case SectionId::kGlobal:
      return decode_globals(reader);
    case SectionId::kExport:
      return decode_exports(reader);
    case SectionId::kStart:
      return decode_start(reader);
    case SectionId::kElement:
      return decode_elements(reader);
    case SectionId::kCode:
      return decode_code(reader);
    case SectionId::kData:
      return decode_data(reader);
    case SectionId::kDataCount:
      return decode_data_count(reader);
  }
  return reader.fail(Rule::kMalformedSectionId);
}

bool ModuleDecoder::finish() {
  if (!have_code_ && module_.functions_.size() != module_.imported_functions_) {
    return fail(Rule::kFunctionCodeMismatch, reader_.offset());
  }
  if (!have_data_ && module_.data_count_.value_or(0) != 0) {
    return fail(Rule::kDataCountMismatch, reader_.offset());
  }
  if (uncounted_data_) {
    return fail(module_.data_.empty() ? Rule::kUnknownDataSegment : Rule::kDataCountRequired,
                *uncounted_data_);
  }
  return true;
}

}  // namespace quoll::wasm
