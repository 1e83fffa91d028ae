// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The whole embedding interface.
#pragma once

#include <quoll/wasm/activation.hpp>
#include <quoll/wasm/engine.hpp>
#include <quoll/wasm/error.hpp>
#include <quoll/wasm/execution.hpp>
#include <quoll/wasm/extern.hpp>
#include <quoll/wasm/features.hpp>
#include <quoll/wasm/host_function.hpp>
#include <quoll/wasm/instance.hpp>
#include <quoll/wasm/limits.hpp>
#include <quoll/wasm/linker.hpp>
#include <quoll/wasm/memory_provider.hpp>
#include <quoll/wasm/module.hpp>
#include <quoll/wasm/store.hpp>
#include <quoll/wasm/translation_hash.hpp>
#include <quoll/wasm/trap.hpp>
#include <quoll/wasm/types.hpp>
#include <quoll/wasm/value.hpp>
