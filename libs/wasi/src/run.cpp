// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One program from its bytes to its end.
#include <memory>
#include <new>

#include <quoll/wasi/link.hpp>
#include <quoll/wasi/message.hpp>
#include <quoll/wasi/run.hpp>
#include <quoll/wasm/error.hpp>
#include <quoll/wasm/instance.hpp>
#include <quoll/wasm/linker.hpp>
#include <quoll/wasm/module.hpp>
#include <quoll/wasm/store.hpp>

namespace quoll::wasi {
namespace {

constexpr std::uint64_t kFailure = 1;
constexpr std::string_view kEntry = "_start";

End load_failed() {
  return {abi::EndKind::kLoadFailed, kFailure};
}

/// Says what happened, on the program's standard error.
class Reporter {
 public:
  explicit Reporter(const RunSpec& spec) : spec_(spec) {}

  Message begin() const {
    Message message;
    message.text("quoll: ").name(spec_.name).text(": ");
    return message;
  }

  void say(Message& message) const {
    auto rest = message.line();
    while (!rest.empty()) {
      const auto written = spec_.host.stream_write(spec_.process.streams[2], rest);
      // Where nobody listens, there is nobody to complain to either.
      if (!written || *written == 0) return;
      rest = rest.subspan(*written);
    }
  }

  void say(std::string_view words) const {
    Message message = begin();
    message.text(words);
    say(message);
  }

 private:
  const RunSpec& spec_;
};

End report_module(const Reporter& reporter, const wasm::ModuleError& error) {
  Message message = reporter.begin();
  const wasm::RuleClass cls = wasm::rule_class(error.rule);
  if (cls == wasm::RuleClass::kResource) {
    message.text("not loaded: ").text(wasm::text(error.rule));
  } else {
    message.text(wasm::text(cls)).text(" module: ").text(wasm::text(error.rule));
  }
  message.text(" at byte ").hexadecimal(error.offset);
  reporter.say(message);
  return load_failed();
}

End report_trap(const Reporter& reporter, const wasm::Module& module, const wasm::WasmTrap& trap) {
  Message message = reporter.begin();
  message.text("trap: ").text(wasm::text(trap.kind));
  if (trap.kind == wasm::TrapKind::kUnknownImport) {
    message.text(": ").name(trap.import_module).text(".").name(trap.import_name);
  }
  if (trap.function_index != wasm::WasmTrap::kNoFunction) {
    message.text(" (function ").decimal(trap.function_index);
    const std::string_view name = module.function_name(trap.function_index);
    if (!name.empty()) message.text(" ").name(name);
    message.text(", offset ").hexadecimal(trap.byte_offset).text(")");
  }
  reporter.say(message);
  return {abi::EndKind::kTrapped, static_cast<std::uint64_t>(trap.kind)};
}

End end_of(const Reporter& reporter, const wasm::Module& module, const wasm::Outcome& outcome) {
  switch (outcome.kind) {
    case wasm::Outcome::Kind::kReturned:
      return {abi::EndKind::kExited, 0};
    case wasm::Outcome::Kind::kExited:
      return {abi::EndKind::kExited, outcome.exit_code};
    case wasm::Outcome::Kind::kTrapped:
      return report_trap(reporter, module, outcome.trap);
    case wasm::Outcome::Kind::kRefused:
      reporter.say(
          "not loaded: _start has parameters or results, or there is no memory for a stack");
      return load_failed();
    case wasm::Outcome::Kind::kSuspended:
      break;  // no function of ours suspends
  }
  reporter.say("ended in an unknown way");
  return load_failed();
}

End report_link(const Reporter& reporter, const wasm::Module& module,
                const wasm::LinkError& error) {
  if (error.rule == wasm::LinkRule::kInitialisation) {
    return end_of(reporter, module, error.outcome);
  }
  Message message = reporter.begin();
  message.text("not linked: ").text(wasm::text(error.rule));
  if (!error.module.empty() || !error.name.empty()) {
    message.text(": ").name(error.module).text(".").name(error.name);
  }
  reporter.say(message);
  return load_failed();
}

End out_of_memory(const Reporter& reporter) {
  reporter.say("not loaded: out of memory");
  return load_failed();
}

}  // namespace

End run(const RunSpec& spec) {
  const Reporter reporter(spec);
  auto decoded = wasm::Module::decode(spec.module);
  if (!decoded) return report_module(reporter, decoded.error());
  const wasm::Module& module = **decoded;

  const std::unique_ptr<Process> process(new (std::nothrow) Process(spec.host, spec.process));
  if (!process) return out_of_memory(reporter);
  const std::unique_ptr<Linkage> linkage(new (std::nothrow) Linkage(*process));
  if (!linkage) return out_of_memory(reporter);

  const wasm::Engine engine(spec.engine);
  wasm::Store store(engine);
  wasm::Linker linker(store);
  linkage->attach(linker);
  auto instantiated = linker.instantiate(module);
  if (!instantiated) return report_link(reporter, module, instantiated.error());

  wasm::Instance& instance = **instantiated;
  // A library has no entry point: to load it is all that there is to do.
  if (instance.find_function(kEntry) == nullptr) return {abi::EndKind::kExited, 0};
  return end_of(reporter, module, instance.invoke(kEntry));
}

}  // namespace quoll::wasi
