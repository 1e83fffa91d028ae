// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// play_modules FOLDER NUMBER...: calls what each module's caller exports, in order, and prints what
// is logged and returned, which trap ends a call and where, and what is in the memories. play.mjs
// does the same.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <quoll/wasm/wasm.hpp>

namespace {

using namespace quoll;  // NOLINT(google-build-using-namespace): a program of one file

using Bytes = std::vector<std::uint8_t>;

bool read_file(const std::filesystem::path& path, Bytes& out) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return false;
  out.assign(std::istreambuf_iterator<char>(stream), {});
  return true;
}

wasm::HostOutcome logged(void*, wasm::Instance&, std::uint64_t* slots) {
  std::printf("  log %016llx\n", static_cast<unsigned long long>(slots[0]));
  return wasm::HostOutcome::ok();
}
wasm::HostOutcome result(void*, wasm::Instance&, std::uint64_t* slots) {
  std::printf("  = %016llx\n", static_cast<unsigned long long>(slots[0]));
  return wasm::HostOutcome::ok();
}

/// V8 has one message for quotients and one for floats that no integer is like; the instruction
/// tells which it would be.
const char* overflow(const Bytes& module, std::uint64_t offset) {
  constexpr std::uint8_t kI32DivS = 0x6d;
  constexpr std::uint8_t kI64DivS = 0x7f;
  if (offset >= module.size()) return "overflow nowhere";
  const bool division = module[offset] == kI32DivS || module[offset] == kI64DivS;
  return division ? "quotient too large" : "no such integer";
}

/// As far as V8 tells traps apart.
const char* kind(const Bytes& module, const wasm::WasmTrap& trap) {
  switch (trap.kind) {
    case wasm::TrapKind::kUnreachable:
      return "unreachable";
    case wasm::TrapKind::kIntegerDivideByZero:
      return "division by zero";
    case wasm::TrapKind::kIntegerOverflow:
      return overflow(module, trap.byte_offset);
    case wasm::TrapKind::kInvalidConversionToInteger:
      return "no such integer";
    case wasm::TrapKind::kOutOfBoundsMemoryAccess:
      return "memory";
    case wasm::TrapKind::kOutOfBoundsTableAccess:
    case wasm::TrapKind::kUndefinedElement:
      return "table";
    case wasm::TrapKind::kUninitializedElement:
    case wasm::TrapKind::kIndirectCallTypeMismatch:
      return "function";
    case wasm::TrapKind::kCallStackExhausted:
    case wasm::TrapKind::kOutOfMemory:
      return "exhausted";
    case wasm::TrapKind::kUnknownImport:
    case wasm::TrapKind::kInterrupted:
    case wasm::TrapKind::kHostError:
      return wasm::text(trap.kind);
  }
  return "no such trap";
}

/// Words of 32 bits, as FNV-1a has bytes.
std::uint32_t hash(const wasm::Memory& memory) {
  std::uint32_t sum = 0x811c9dc5;
  for (std::uint64_t at = 0; at < memory.size(); at += sizeof(std::uint32_t)) {
    std::uint32_t word = 0;
    std::memcpy(&word, memory.data() + at, sizeof(word));
    sum = (sum ^ word) * 0x01000193u;
  }
  return sum;
}

void call_all(wasm::Instance& caller, const Bytes& bytes) {
  for (const wasm::Export& exported : caller.module().exports()) {
    std::printf("call %.*s\n", static_cast<int>(exported.name.size()), exported.name.data());
    const wasm::Outcome outcome = caller.invoke(exported.index);
    if (outcome.returned()) continue;
    if (outcome.kind != wasm::Outcome::Kind::kTrapped) {
      std::printf("  neither returned nor trapped\n");
      continue;
    }
    std::printf("  trap %s, %u:%llu\n", kind(bytes, outcome.trap), outcome.trap.function_index,
                static_cast<unsigned long long>(outcome.trap.byte_offset));
  }
}

void print_memories(const wasm::Instance& instance) {
  for (const wasm::Export& exported : instance.module().exports()) {
    if (exported.kind != wasm::ExternKind::kMemory) continue;
    const wasm::Memory& memory = instance.memory(exported.index);
    std::printf("memory %.*s %llu %08x\n", static_cast<int>(exported.name.size()),
                exported.name.data(), static_cast<unsigned long long>(memory.size()), hash(memory));
  }
}

void print_link_error(const wasm::LinkError& error, const Bytes& module) {
  if (error.rule == wasm::LinkRule::kTooLarge || error.rule == wasm::LinkRule::kOutOfMemory) {
    std::printf("ended: exhausted\n");
  } else if (error.rule == wasm::LinkRule::kInitialisation &&
             error.outcome.kind == wasm::Outcome::Kind::kTrapped) {
    std::printf("ended: %s\n", kind(module, error.outcome.trap));
  } else {
    std::printf("unlinkable\n");
  }
}

/// A module between its support and its caller. False: our own modules do not fit.
bool play(const Bytes& support_bytes, const Bytes& module_bytes, const Bytes& caller_bytes) {
  wasm::EngineConfig config;
  config.memory = wasm::host_memory_provider();
  config.features = wasm::Features::none();
  const wasm::Engine engine(config);
  const auto support = engine.decode(support_bytes);
  const auto module = engine.decode(module_bytes);
  if (!module) std::printf("refused\n");
  if (!support || !module) return support.has_value();
  const auto caller = engine.decode(caller_bytes);
  if (!caller) return false;

  wasm::Store store(engine);
  wasm::Linker linker(store);
  const wasm::ValueType number[] = {wasm::ValueType::kI64};
  const wasm::FuncType type{number, {}};
  if (!linker.define_function("report", "logged", type, {&logged, nullptr}) ||
      !linker.define_function("report", "result", type, {&result, nullptr})) {
    return false;
  }
  const auto supporting = linker.instantiate(**support);
  if (!supporting || !linker.define_instance("fuzzing-support", **supporting)) return false;
  const auto instance = linker.instantiate(**module);
  if (!instance) {
    print_link_error(instance.error(), module_bytes);
    return true;
  }
  if (!linker.define_instance("module", **instance)) return false;
  const auto calling = linker.instantiate(**caller);
  if (!calling) return false;
  call_all(**calling, module_bytes);
  print_memories(**instance);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: play_modules FOLDER NUMBER...\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  Bytes support;
  if (!read_file(folder / "support.wasm", support)) return 2;
  for (int i = 2; i < argc; ++i) {
    const std::string number = argv[i];
    Bytes module;
    Bytes caller;
    if (!read_file(folder / (number + ".module.wasm"), module) ||
        !read_file(folder / (number + ".caller.wasm"), caller)) {
      std::fprintf(stderr, "play_modules: there is no module %s\n", argv[i]);
      return 2;
    }
    std::printf("module %s\n", argv[i]);
    // What ends the program ends it in this module.
    std::fflush(stdout);
    if (!play(support, module, caller)) {
      std::fprintf(stderr, "play_modules: the modules around module %s do not fit\n", argv[i]);
      return 1;
    }
    std::printf("end\n");
  }
  return 0;
}
