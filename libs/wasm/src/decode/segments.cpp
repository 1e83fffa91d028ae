// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The sections for element and data segments.
#include <quoll/wasm/limits.hpp>

#include "decode/constant_expression.hpp"
#include "decode/module_decoder.hpp"

namespace quoll::wasm {

namespace {

// The flags of an element segment.
constexpr std::uint32_t kNotActive = 1;    // else active
constexpr std::uint32_t kExplicit = 2;     // active: with a table index; else: declarative
constexpr std::uint32_t kExpressions = 4;  // elements are expressions, not function indices
constexpr std::uint32_t kLargestElementFlags = 7;
constexpr std::uint8_t kFunctionElementKind = 0;

}  // namespace

bool ModuleDecoder::decode_element_segment(Reader& reader, ElementSegment& out) {
  const std::uint64_t start = reader.offset();
  std::uint32_t flags;
  if (!reader.read_u32(flags)) return false;
  if (flags > kLargestElementFlags) return reader.fail(Rule::kMalformedElementKind, start);
  const bool active = (flags & kNotActive) == 0;
  out.mode = active                     ? SegmentMode::kActive
             : (flags & kExplicit) != 0 ? SegmentMode::kDeclarative
                                        : SegmentMode::kPassive;
  out.has_expressions = (flags & kExpressions) != 0;
  if (active) {
    if ((flags & kExplicit) != 0 && !reader.read_u32(out.table)) return false;
    if (out.table >= module_.tables_.size()) return reader.fail(Rule::kUnknownTable, start);
    const AddressType address = module_.tables_[out.table].address;
    if (!read_constant(reader, value_type(address), out.offset)) return false;
  }
  if ((flags & (kNotActive | kExplicit)) != 0) {
    if (out.has_expressions) {
      if (!read_reference_type(reader, out.type)) return false;
    } else {
      const std::uint64_t at = reader.offset();
      std::uint8_t kind;
      if (!reader.read_byte(kind)) return false;
      if (kind != kFunctionElementKind) return reader.fail(Rule::kMalformedElementKind, at);
    }
  }
  if (active && module_.tables_[out.table].element != out.type) {
    return reader.fail(Rule::kTypeMismatch, start);
  }
  if (!reader.read_count(out.count)) return false;
  const std::uint64_t first = reader.offset();
  for (std::uint32_t i = 0; i < out.count; ++i) {
    const std::uint64_t at = reader.offset();
    if (out.has_expressions) {
      ByteRange unused;
      if (!read_constant(reader, out.type, unused)) return false;
    } else {
      std::uint32_t function;
      if (!reader.read_u32(function) || !declare_function(reader, function, at)) return false;
    }
  }
  out.elements = range_from(first, reader);
  return true;
}

bool ModuleDecoder::decode_elements(Reader& reader) {
  std::uint32_t count;
  if (!read_count(reader, count, {3, kMaxElementSegments, Rule::kTooManyElementSegments})) {
    return false;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    ElementSegment segment;
    if (!decode_element_segment(reader, segment)) return false;
    if (!module_.elements_.try_push_back(segment)) return reader.fail(Rule::kOutOfMemory);
  }
  return true;
}

bool ModuleDecoder::decode_data_count(Reader& reader) {
  std::uint32_t count;
  if (!reader.read_u32(count)) return false;
  module_.data_count_ = count;
  return true;
}

bool ModuleDecoder::decode_data(Reader& reader) {
  have_data_ = true;
  const std::uint64_t start = reader.offset();
  std::uint32_t count;
  if (!read_count(reader, count, {2, kMaxDataSegments, Rule::kTooManyDataSegments})) return false;
  if (module_.data_count_ && *module_.data_count_ != count) {
    return reader.fail(Rule::kDataCountMismatch, start);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    constexpr std::uint32_t kPassive = 1;
    constexpr std::uint32_t kActiveExplicit = 2;
    const std::uint64_t at = reader.offset();
    DataSegment segment;
    std::uint32_t flags;
    if (!reader.read_u32(flags)) return false;
    if (flags > kActiveExplicit) return reader.fail(Rule::kMalformedDataKind, at);
    if (flags != kPassive) {
      segment.mode = SegmentMode::kActive;
      if (flags == kActiveExplicit && !reader.read_u32(segment.memory)) return false;
      if (segment.memory >= module_.memories_.size()) return reader.fail(Rule::kUnknownMemory, at);
      const AddressType address = module_.memories_[segment.memory].address;
      if (!read_constant(reader, value_type(address), segment.offset)) return false;
    }
    std::uint32_t size;
    std::span<const std::uint8_t> bytes;
    if (!reader.read_count(size) || !reader.read_bytes(size, bytes)) return false;
    segment.bytes = {static_cast<std::uint32_t>(reader.offset() - size), size};
    if (!module_.data_.try_push_back(segment)) return reader.fail(Rule::kOutOfMemory);
  }
  return true;
}

}  // namespace quoll::wasm
