// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "values.hpp"

#include <charconv>
#include <cstdint>

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
                               ValueType::kFuncRef, ValueType::kExternRef}) {
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

}  // namespace

bool parse_value(const Json& json, Value& out) {
  ValueType type;
  if (!value_type(json["type"].text, type)) return false;
  const std::string& text = json["value"].text;
  out = Value::from_bits(type, wasm::is_reference(type) ? reference_bits(text) : number(text));
  return true;
}

bool matches(const Json& expected, const Value& actual) {
  ValueType type;
  if (!value_type(expected["type"].text, type) || type != actual.type()) return false;
  const std::string& text = expected["value"].text;
  if (text == "nan:canonical" || text == "nan:arithmetic") {
    const bool canonical = text == "nan:canonical";
    return type == ValueType::kF32 ? matches_nan(actual.as_i32(), canonical, 23)
                                   : matches_nan(actual.as_i64(), canonical, 52);
  }
  if (wasm::is_reference(type)) {
    // Without a value, or with one that cannot be known, it is any reference but null.
    const bool any = !expected.has("value") || (type == ValueType::kFuncRef && text != "null");
    return any ? !actual.is_null() : actual.bits() == reference_bits(text);
  }
  return actual.bits() == Value::from_bits(type, number(text)).bits();
}

std::string describe(const Value& value) {
  return std::string(wasm::name(value.type())) + " " + std::to_string(value.bits());
}

std::string describe(const Json& expected) {
  const std::string& text = expected["value"].text;
  return expected["type"].text + " " + (text.empty() ? "that is not null" : text);
}

}  // namespace quoll::spec
