// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Decoding and validating a module with Quoll's engine.
#include <quoll/wasm/module.hpp>

#include "validate.hpp"

int main(int argc, char** argv) {
  return quoll::bench::time_validation(argc, argv, [](const std::vector<std::uint8_t>& bytes) {
    return quoll::wasm::Module::decode(bytes).has_value();
  });
}
