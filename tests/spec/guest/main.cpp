// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The suite in user mode, where the runtime is otherwise. The module that the kernel hands over is
// the table of counts, the argument is the set, and the first directory holds sets.tsv,
// exceptions.tsv and the suite.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <quoll/runtime/allocator.hpp>
#include <quoll/runtime/engine_config.hpp>
#include <quoll/runtime/faults.hpp>
#include <quoll/runtime/memories.hpp>
#include <quoll/runtime/start_block.hpp>
#include <quoll/runtime/support.hpp>
#include <quoll/runtime/system_call.hpp>
#include <quoll/runtime/system_host.hpp>

#include "../plan.hpp"
#include "../runner.hpp"
#include "archive_files.hpp"
#include "output.hpp"

namespace quoll::spec {
namespace {

std::string read_text(const ArchiveFiles& files, const char* path) {
  std::vector<std::uint8_t> bytes;
  if (!files.read(path, bytes)) end_with(std::string(path) + " cannot be read");
  return {bytes.begin(), bytes.end()};
}

std::string_view table_of_counts(const abi::StartBlock& start) {
  // SAFETY: as many bytes are mapped there, and stay; characters may be looked at in any object.
  return {reinterpret_cast<const char*>(start.module_address),
          static_cast<std::size_t>(start.module_bytes)};
}

/// Runs what the start block asks for; true: everything came out as it has to.
bool run_suite(const runtime::StartBlockView& start, const wasm::EngineConfig& engine) {
  if (start.argument_count() != 2 || start.preopen_count() != 1)
    end_with("needs a set and a folder");
  const ArchiveFiles files(start.preopen(0).handle);
  const std::string sets = read_text(files, "sets.tsv");
  const std::string exceptions = read_text(files, "exceptions.tsv");
  const Tables tables{
      .counts = table_of_counts(start.header()), .sets = sets, .exceptions = exceptions};
  Plan plan;
  const std::string why_not = make_plan(tables, start.argument(1), {}, plan);
  if (!why_not.empty()) end_with(why_not);
  const Report report = [](const std::string& line) { say(line); };
  const Tally total = run_scripts({.set = plan.set,
                                   .exceptions = plan.exceptions,
                                   .engine = engine,
                                   .files = files,
                                   .report = report},
                                  plan.scripts);
  return total.faults == 0;
}

[[noreturn]] void run(const runtime::StartBlockView& start) {
  const abi::StartBlock& header = start.header();
  runtime::complain_to(header.stderr_stream);
  open_output(header.stdout_stream, header.stderr_stream);
  runtime::open_heap(header);
  // SAFETY: the kernel maps the time page before the guest starts.
  runtime::SystemHost host(*reinterpret_cast<const abi::TimePage*>(header.time_page));
  const wasi::Reporter reporter(host, header.stderr_stream, start.module_name(), header.backtrace);
  runtime::Memories memories(header.memory_plan);
  runtime::FaultContext faults{.memories = memories, .reporter = reporter};
  runtime::watch_faults(faults);
  const bool passed = run_suite(start, runtime::engine_config(memories, header));
  runtime::exit(abi::EndKind::kExited, passed ? 0 : 1);
}

}  // namespace
}  // namespace quoll::spec

extern "C" [[noreturn]] void runtime_main(const quoll::abi::StartBlock* block) {
  const auto start = quoll::runtime::StartBlockView::open(block);
  // A kernel of another version: there is nobody to tell, and no handle to tell it with.
  if (!start) quoll::runtime::exit(quoll::abi::EndKind::kLoadFailed, 0);
  quoll::spec::run(*start);
}
