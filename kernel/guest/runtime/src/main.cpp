// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// From the start block to the end of the guest.
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include <quoll/abi/limits.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/containers/vector.hpp>
#include <quoll/runtime/allocator.hpp>
#include <quoll/runtime/engine_config.hpp>
#include <quoll/runtime/faults.hpp>
#include <quoll/runtime/memories.hpp>
#include <quoll/runtime/start_block.hpp>
#include <quoll/runtime/support.hpp>
#include <quoll/runtime/system_call.hpp>
#include <quoll/runtime/system_host.hpp>
#include <quoll/wasi/report.hpp>
#include <quoll/wasi/run.hpp>

namespace quoll::runtime {
namespace {

using Bytes = std::span<const std::uint8_t>;

/// The module, which the kernel maps before the guest starts and nobody ever changes.
Bytes module_of(const abi::StartBlock& start) {
  // SAFETY: as many bytes are mapped there, or there are none.
  return {reinterpret_cast<const std::uint8_t*>(start.module_address),
          static_cast<std::size_t>(start.module_bytes)};
}

[[noreturn]] void refuse(const wasi::Reporter& reporter, std::string_view why) {
  wasi::Message message = reporter.begin();
  message.text("not loaded: ").text(why);
  reporter.say(message);
  exit(abi::EndKind::kLoadFailed, 0);
}

/// Arguments, environment and directories as WASI takes them.
struct StartTables {
  containers::Vector<std::string_view> arguments;
  containers::Vector<std::string_view> environment;
  containers::Vector<wasi::Preopen> preopens;

  bool fill(const StartBlockView& start) {
    for (std::size_t i = 0; i < start.argument_count(); ++i) {
      if (!arguments.try_push_back(start.argument(i))) return false;
    }
    for (std::size_t i = 0; i < start.environment_count(); ++i) {
      if (!environment.try_push_back(start.environment(i))) return false;
    }
    for (std::size_t i = 0; i < start.preopen_count(); ++i) {
      const abi::StartPreopen preopen = start.preopen(i);
      if (!preopens.try_push_back({preopen.handle, start.text(preopen.name)})) return false;
    }
    return true;
  }
};

[[noreturn]] void run(const StartBlockView& start) {
  const abi::StartBlock& header = start.header();
  complain_to(header.stderr_stream);
  open_heap(header);
  // SAFETY: the kernel maps the time page before the guest starts.
  SystemHost host(*reinterpret_cast<const abi::TimePage*>(header.time_page));
  const wasi::Reporter reporter(host, header.stderr_stream, start.module_name(), header.backtrace);
  Memories memories(header.memory_plan);
  FaultContext faults{.memories = memories, .reporter = reporter};
  watch_faults(faults);

  StartTables tables;
  if (!tables.fill(start)) refuse(reporter, "out of memory");
  // The program cannot reach its own file by this handle, and needs it no more.
  static_cast<void>(handle_close(header.module));

  const wasm::EngineConfig engine = engine_config(memories, header);
  const wasi::ProcessSpec process{
      .arguments = tables.arguments.span(),
      .environment = tables.environment.span(),
      .streams = {header.stdin_stream, header.stdout_stream, header.stderr_stream},
      .preopens = tables.preopens.span()};
  const wasi::End end = wasi::run({.host = host,
                                   .engine = engine,
                                   .process = process,
                                   .module = module_of(header),
                                   .name = start.module_name(),
                                   .backtrace = header.backtrace,
                                   .running = &faults.thread});
  exit(end.kind, end.status);
}

}  // namespace
}  // namespace quoll::runtime

extern "C" [[noreturn]] void runtime_main(const quoll::abi::StartBlock* block) {
  const auto start = quoll::runtime::StartBlockView::open(block);
  // A kernel of another version: there is nobody to tell, and no handle to tell it with.
  if (!start) quoll::runtime::exit(quoll::abi::EndKind::kLoadFailed, 0);
  quoll::runtime::run(*start);
}
