// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Any bytes give a module or an error, in memory that is bounded by their number. What comes back
// can be asked for everything, and translated.
#include <cstddef>
#include <cstdint>

#include "allocations.hpp"
#include "module.hpp"

namespace quoll::fuzz {
namespace {

// Of a module: what one byte of it can stand for at most, and what is there for none.
constexpr std::size_t kBytesForEach = 256;
constexpr std::size_t kBytesForNone = std::size_t{64} << 10;

void ask_for_everything(const wasm::Module& module) {
  for (const wasm::Export& exported : module.exports()) {
    require(module.find_export(exported.name) != nullptr, "an export is found by its name");
  }
  for (std::uint32_t i = 0; i < module.function_count(); ++i) {
    (void)module.function_name(i);
    (void)module.function_export(i);
    (void)module.function_type(i);
  }
}

void run(Bytes bytes) {
  for (const wasm::Features features : {wasm::Features::all(), wasm::Features::none()}) {
    const std::size_t before = allocated();
    forget_peak();
    const auto module = decode(bytes, features);
    require(peak() - before <= kBytesForNone + kBytesForEach * bytes.size(),
            "decoding takes a small multiple of the module's size");
    if (module == nullptr) continue;
    ask_for_everything(*module);
    wasm::EngineConfig config = small_config();
    config.features = features;
    config.translation = wasm::Translation::kAtInstantiation;
    Sandbox sandbox(config);
    (void)sandbox.instantiate(*module, wasm::StartMode::kDefer);
  }
}

}  // namespace
}  // namespace quoll::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quoll::fuzz::run({data, size});
  return 0;
}
