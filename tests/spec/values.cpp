// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "values.hpp"

#include <charconv>
#include <cstdint>
#include <span>
#include <vector>

#include "numbers.hpp"

namespace quoll::spec {

namespace {

using wasm::Value;
using wasm::ValueType;

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool value_type(const std::string& name, ValueType& out) {
  for (const ValueType type : {ValueType::kI32, ValueType::kI64, ValueType::kF32, ValueType::kF64,
                               ValueType::kV128, ValueType::kFuncRef, ValueType::kExternRef}) {
    if (name == wasm::name(type)) {
      out = type;
      return true;
    }
  }
  return false;
}

template <typename Bits>
bool matches_nan(Bits bits, bool canonical, unsigned mantissa_bits) {
  const Bits quiet = Bits{1} << (mantissa_bits - 1);
  const Bits sign = Bits{1} << (sizeof(Bits) * 8 - 1);
  const auto exponent = static_cast<Bits>(~sign & ~(quiet * 2 - 1));
  const Bits least = exponent | quiet;
  const Bits magnitude = bits & static_cast<Bits>(~sign);
  return canonical ? magnitude == least : (magnitude & least) == least;
}

/// External references are numbers in the suite; zero is one of them and null is not.
std::uint64_t reference_bits(const std::string& text) {
  return text == "null" ? 0 : number(text) + 1;
}

/// Bits of a number, or of a lane, of that type; 0 if there is none.
unsigned width_of(const std::string& type) {
  if (type == "i8") return 8;
  if (type == "i16") return 16;
  if (type == "i32" || type == "f32") return 32;
  return type == "i64" || type == "f64" ? 64 : 0;
}

/// The lanes of a vector; none when they do not make up one.
std::span<const Json> lanes_of(const Json& json) {
  const std::vector<Json>& lanes = json["value"].items;
  return lanes.size() * width_of(json["lane_type"].text) == 128 ? lanes : std::span<const Json>();
}

bool parse_vector(const Json& json, Value& out) {
  const std::span<const Json> lanes = lanes_of(json);
  const unsigned width = width_of(json["lane_type"].text);
  std::uint64_t halves[2] = {};
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    halves[i * width / 64] |= number(lanes[i].text) << (i * width % 64);
  }
  out = Value::v128(halves[0], halves[1]);
  return !lanes.empty();
}

/// Whether a number is the one expected, which may be any of a class of NaNs.
bool matches_number(const std::string& expected, std::uint64_t bits, unsigned width) {
  if (expected != "nan:canonical" && expected != "nan:arithmetic") return bits == number(expected);
  const bool canonical = expected == "nan:canonical";
  return width == 32 ? matches_nan(static_cast<std::uint32_t>(bits), canonical, 23)
                     : matches_nan(bits, canonical, 52);
}

bool matches_vector(const Json& expected, const Value& actual) {
  const std::span<const Json> lanes = lanes_of(expected);
  const unsigned width = width_of(expected["lane_type"].text);
  const std::uint64_t ones = width < 64 ? (std::uint64_t{1} << width) - 1 : ~std::uint64_t{0};
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::uint64_t half = i * width < 64 ? actual.bits() : actual.high_bits();
    const std::uint64_t lane = half >> (i * width % 64) & ones;
    if (!matches_number(lanes[i].text, lane, width)) return false;
  }
  return !lanes.empty();
}

}  // namespace

bool parse_value(const Json& json, Value& out) {
  ValueType type;
  if (!value_type(json["type"].text, type)) return false;
  if (type == ValueType::kV128) return parse_vector(json, out);
  const std::string& text = json["value"].text;
  out = Value::from_bits(type, wasm::is_reference(type) ? reference_bits(text) : number(text));
  return true;
}

bool matches(const Json& expected, const Value& actual) {
  ValueType type;
  if (!value_type(expected["type"].text, type) || type != actual.type()) return false;
  if (type == ValueType::kV128) return matches_vector(expected, actual);
  const std::string& text = expected["value"].text;
  if (wasm::is_reference(type)) {
    // Without a value, or with one that cannot be known, it is any reference but null.
    const bool any = !expected.has("value") || (type == ValueType::kFuncRef && text != "null");
    return any ? !actual.is_null() : actual.bits() == reference_bits(text);
  }
  return matches_number(text, actual.bits(), width_of(expected["type"].text));
}

std::string describe(const Value& value) {
  if (value.type() == ValueType::kV128) {
    return "v128 0x" + hexadecimal(value.high_bits()) + hexadecimal(value.bits());
  }
  return std::string(wasm::name(value.type())) + " " + decimal(value.bits());
}

std::string describe(const Json& expected) {
  if (expected.has("lane_type")) {
    std::string lanes;
    for (const Json& lane : expected["value"].items) lanes += " " + lane.text;
    return "v128 of " + expected["lane_type"].text + lanes;
  }
  const std::string& text = expected["value"].text;
  return expected["type"].text + " " + (text.empty() ? "that is not null" : text);
}

}  // namespace quoll::spec
