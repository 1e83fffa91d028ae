// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Values as the suite writes them: arguments, and what results are compared with.
#pragma once

#include <string>

#include <quoll/wasm/value.hpp>

#include "json.hpp"

namespace quoll::spec {

/// Reads an argument. False: it is of no type that the engine has.
bool parse_value(const Json& json, wasm::Value& out);

/// Whether a result is what the suite expects, which may be a pattern.
bool matches(const Json& expected, const wasm::Value& actual);

/// Both in words, for whoever reads a report.
std::string describe(const wasm::Value& value);
std::string describe(const Json& expected);

}  // namespace quoll::spec
