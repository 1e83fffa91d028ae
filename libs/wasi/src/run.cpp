// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One program from its bytes to its end.
#include <memory>
#include <new>

#include <quoll/base/scope_exit.hpp>
#include <quoll/wasi/link.hpp>
#include <quoll/wasi/report.hpp>
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

End report_module(const Reporter& reporter, const wasm::ModuleError& error) {
  Message message = reporter.begin();
  const wasm::RuleClass cls = wasm::rule_class(error.rule);
  if (cls == wasm::RuleClass::kResource) {
    message.text("not loaded: ").text(wasm::text(error.rule));
  } else {
    message.text(wasm::text(cls)).text(" module: ").text(wasm::text(error.rule));
  }
  message.text(" at byte ").hexadecimal(error.offset);
  if (error.missing) message.text(" without ").text(wasm::name(*error.missing));
  reporter.say(message);
  return load_failed();
}

End end_of(const Reporter& reporter, const wasm::Module& module, const wasm::Execution& thread,
           const wasm::Outcome& outcome) {
  switch (outcome.kind) {
    case wasm::Outcome::Kind::kReturned:
      return {abi::EndKind::kExited, 0};
    case wasm::Outcome::Kind::kExited:
      return {abi::EndKind::kExited, outcome.exit_code};
    case wasm::Outcome::Kind::kTrapped:
      reporter.trap(outcome.trap, module, &thread);
      return {abi::EndKind::kTrapped, static_cast<std::uint64_t>(outcome.trap.kind)};
    case wasm::Outcome::Kind::kRefused:    // its type was looked at before
    case wasm::Outcome::Kind::kSuspended:  // no function of ours suspends
      break;
  }
  reporter.say("ended in an unknown way");
  return load_failed();
}

End report_link(const Reporter& reporter, const wasm::Module& module, const wasm::Execution& thread,
                const wasm::LinkError& error) {
  if (error.rule == wasm::LinkRule::kInitialisation) {
    return end_of(reporter, module, thread, error.outcome);
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
  const Reporter reporter(spec.host, spec.process.streams[2], spec.name, spec.backtrace);
  auto decoded = wasm::Module::decode(spec.module, spec.engine.features);
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
  wasm::Execution* const thread = store.execution();
  if (thread == nullptr) {
    reporter.say("not loaded: no memory for the stack");
    return load_failed();
  }
  if (spec.running != nullptr) *spec.running = thread;
  const base::ScopeExit gone([&spec] {
    if (spec.running != nullptr) *spec.running = nullptr;
  });
  auto instantiated = linker.instantiate(module);
  if (!instantiated) return report_link(reporter, module, *thread, instantiated.error());

  wasm::Instance& instance = **instantiated;
  // A library has no entry point: to load it is all that there is to do.
  const wasm::Func* entry = instance.find_function(kEntry);
  if (entry == nullptr) return {abi::EndKind::kExited, 0};
  if (!entry->type().parameters.empty() || !entry->type().results.empty()) {
    reporter.say("not loaded: _start has parameters or results");
    return load_failed();
  }
  return end_of(reporter, module, *thread, instance.invoke(kEntry));
}

}  // namespace quoll::wasi
