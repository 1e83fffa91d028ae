// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A valid module may do what it likes: it ends, or is ended, and nothing outside of its store has
// noticed. It runs twice, translated on the first call and at once, and does the same.
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <sys/time.h>
#include <vector>

#include "module.hpp"

namespace quoll::fuzz {
namespace {

// For one call. What takes longer is ended, and says nothing.
constexpr suseconds_t kPatienceUs = 20'000;

wasm::Execution* running = nullptr;

void interrupt(int) {
  if (running != nullptr) running->interrupt();
}

/// Rings again and again, for the first time might come just before the run begins.
void ring_every(suseconds_t time_us) {
  const itimerval timer{{0, time_us}, {0, time_us}};
  setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}

struct Run {
  std::vector<std::uint64_t> words;
  bool was_interrupted = false;
};

void note(Run& run, const wasm::Outcome& outcome, std::span<const wasm::Value> results) {
  run.words.push_back(static_cast<std::uint64_t>(outcome.kind));
  if (outcome.kind == wasm::Outcome::Kind::kTrapped) {
    run.was_interrupted |= outcome.trap.kind == wasm::TrapKind::kInterrupted;
    run.words.push_back(static_cast<std::uint64_t>(outcome.trap.kind));
    run.words.push_back(outcome.trap.function_index);
    run.words.push_back(outcome.trap.byte_offset);
  }
  if (!outcome.returned()) return;
  for (const wasm::Value& result : results) {
    // References are addresses.
    if (wasm::is_reference(result.type())) continue;
    run.words.push_back(result.bits());
    run.words.push_back(result.high_bits());
  }
}

void note_memory(Run& run, const wasm::Memory* memory) {
  if (memory == nullptr) return;
  std::uint64_t hash = 14695981039346656037u;
  for (std::uint64_t i = 0; i < memory->size(); ++i)
    hash = (hash ^ memory->data()[i]) * 1099511628211u;
  run.words.push_back(hash);
}

/// Calls all exported functions, with arguments made of the module's last bytes.
Run execute(const wasm::Module& module, Bytes bytes, wasm::Translation translation) {
  wasm::EngineConfig config = small_config();
  config.translation = translation;
  Sandbox sandbox(config);
  Run run;
  running = sandbox.store().execution();
  ring_every(kPatienceUs);
  wasm::Instance* const instance = sandbox.instantiate(module, wasm::StartMode::kRun);
  if (instance != nullptr) {
    std::size_t next = bytes.size();
    for (const wasm::Export& exported : module.exports()) {
      if (exported.kind != wasm::ExternKind::kFunction) continue;
      const wasm::FuncType type = module.function_type(exported.index);
      std::vector<wasm::Value> arguments;
      for (const wasm::ValueType parameter : type.parameters) {
        const std::uint64_t byte = next == 0 ? 0 : bytes[--next];
        const std::uint64_t bits = byte < 0x80 ? byte : byte << (byte % 57);
        arguments.push_back(
            wasm::Value::from_bits(parameter, wasm::is_reference(parameter) ? 0 : bits));
      }
      std::vector<wasm::Value> results(type.results.size());
      note(run, instance->invoke(exported.index, arguments, results), results);
      if (run.was_interrupted) break;
    }
    note_memory(run, instance->memory());
  }
  ring_every(0);
  running = nullptr;
  return run;
}

void run(Bytes bytes) {
  const auto module = decode(bytes, wasm::Features::all());
  if (module == nullptr) return;
  const Run lazy = execute(*module, bytes, wasm::Translation::kOnFirstCall);
  const Run eager = execute(*module, bytes, wasm::Translation::kAtInstantiation);
  if (lazy.was_interrupted || eager.was_interrupted) return;
  require(lazy.words == eager.words, "a module does the same whenever it is translated");
}

}  // namespace
}  // namespace quoll::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // libFuzzer has the real clock's timer.
  std::signal(SIGVTALRM, &quoll::fuzz::interrupt);
  return 0;
}

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quoll::fuzz::run({data, size});
  return 0;
}
