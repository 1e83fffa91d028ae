// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The function that an import links to when nobody supplies it: it traps with its name.
#pragma once

#include <quoll/wasm/host_function.hpp>
#include <quoll/wasm/module.hpp>

namespace quoll::wasm {

HostFunction make_unknown_import(const Import& import);

/// The import that such a function stands for; null for any other function.
const Import* unknown_import(const HostFunction& function);

}  // namespace quoll::wasm
