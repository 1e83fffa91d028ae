// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the suite's words for errors and traps mean here. Nothing else compares texts.
#pragma once

#include <optional>
#include <string_view>

#include <quoll/wasm/linker.hpp>
#include <quoll/wasm/trap.hpp>

namespace quoll::spec {

/// The trap that the suite calls so.
std::optional<wasm::TrapKind> trap_kind(std::string_view words);

/// Why linking fails where the suite calls it so.
std::optional<wasm::LinkRule> link_rule(std::string_view words);

}  // namespace quoll::spec
