// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "measure.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "allocations.hpp"

namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace

[[gnu::noinline]] quoll::wasm::Module* quoll_measured_decode(const std::uint8_t* bytes,
                                                             std::size_t size) {
  auto module = quoll::wasm::Module::decode({bytes, size});
  if (!module) give_up(text(module.error().rule));
  return std::move(*module).release();
}

[[gnu::noinline]] quoll::wasm::Instance* quoll_measured_translate(
    quoll::wasm::Linker* linker, const quoll::wasm::Module* module) {
  const auto instance = linker->instantiate(*module);
  if (!instance) give_up(text(instance.error().rule));
  return *instance;
}

namespace quoll::translation {

Costs measure(std::span<const std::uint8_t> bytes, Counter steps) {
  const auto cost_of = [steps](auto&& work) {
    forget_peak();
    const std::size_t bytes_before = allocated();
    const std::uint64_t steps_before = steps();
    auto made = work();
    return std::pair{Cost{peak() - bytes_before, steps() - steps_before}, made};
  };
  Costs costs;
  const auto [decode, raw] =
      cost_of([&] { return quoll_measured_decode(bytes.data(), bytes.size()); });
  const std::unique_ptr<wasm::Module> module(raw);
  costs.decode = decode;

  wasm::EngineConfig config;
  config.memory = wasm::host_memory_provider();
  config.translation = wasm::Translation::kAtInstantiation;
  const wasm::Engine engine(config);
  wasm::Store store(engine);
  wasm::Linker linker(store);
  linker.set_unknown_functions(wasm::UnknownFunctions::kTrap);
  const auto [translate, instance] =
      cost_of([&] { return quoll_measured_translate(&linker, module.get()); });
  costs.translate = translate;
  const auto hash = wasm::translation_hash(*instance);
  if (!hash) give_up(text(hash.error()));
  costs.hash = *hash;
  return costs;
}

}  // namespace quoll::translation
