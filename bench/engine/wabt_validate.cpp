// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Decoding and validating a module with wabt's library, as its wasm-validate does, but without the
// names of functions: nobody asks for them.
#include <wabt/binary-reader-ir.h>
#include <wabt/binary-reader.h>
#include <wabt/ir.h>
#include <wabt/validator.h>

#include "validate.hpp"

int main(int argc, char** argv) {
  return quoll::bench::time_validation(argc, argv, [](const std::vector<std::uint8_t>& bytes) {
    const wabt::Features features;
    const wabt::ReadBinaryOptions options(features, nullptr, /*read_debug_names=*/false,
                                          /*stop_on_first_error=*/true,
                                          /*fail_on_custom_section_error=*/true);
    wabt::Errors errors;
    wabt::Module module;
    return Succeeded(
               wabt::ReadBinaryIr("", bytes.data(), bytes.size(), options, &errors, &module)) &&
           Succeeded(wabt::ValidateModule(&module, &errors, wabt::ValidateOptions(features)));
  });
}
