// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "commands.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace quoll::shell {
namespace {

constexpr std::size_t kAnyWords = ~std::size_t{0};

using Printing = Shell::Printing;

Printing help(Shell& shell, Invocation) {
  for (const Command& command : commands()) {
    (void)co_await shell.print("  {} {}\n      {}\n", command.name, command.usage, command.summary);
  }
  co_return {};
}

Printing version(Shell& shell, Invocation) {
  co_return co_await shell.print("{}\n", shell.host().version());
}

// A program is named by its path, or by a name in bin/ with or without its ending.
std::optional<archive::NodeId> find_program(const archive::Archive& archive,
                                            std::string_view name) {
  if (name.find('/') != std::string_view::npos) return archive.resolve(name);
  const auto bin = archive.lookup(archive::Archive::kRoot, "bin");
  if (!bin) return std::nullopt;
  if (const auto exact = archive.lookup(*bin, name)) return exact;
  std::array<char, archive::kMaxComponent> buffer{};
  constexpr std::string_view kEnding = ".wasm";
  if (name.size() + kEnding.size() > buffer.size()) return std::nullopt;
  std::copy(name.begin(), name.end(), buffer.begin());
  std::copy(kEnding.begin(), kEnding.end(), buffer.begin() + name.size());
  return archive.lookup(*bin, {buffer.data(), name.size() + kEnding.size()});
}

Printing run_background(Shell& shell, std::string_view name, Job job) {
  Shell::BackgroundJob entry;
  entry.job = job;
  entry.name_size = std::min(name.size(), entry.name.size());
  std::copy_n(name.begin(), entry.name_size, entry.name.begin());
  if (!shell.background_jobs().try_push_back(entry)) {
    co_return co_await shell.print("[{}] {} (its end will not be told: out of memory)\n", job,
                                   name);
  }
  co_return co_await shell.print("[{}] {}\n", job, name);
}

Printing run(Shell& shell, Invocation invocation) {
  if (invocation.words.size() < 2) co_return co_await shell.print("usage: run NAME [ARG...] [&]\n");
  const std::string_view name = invocation.words[1];
  const archive::Archive& archive = shell.host().archive();
  const auto file = find_program(archive, name);
  if (!file) {
    co_return co_await shell.print("run: {}: no such file (status {})\n", name,
                                   guest::status::kNotFound);
  }
  const auto job =
      shell.host().start(Program{*file, invocation.words.subspan(1), invocation.background});
  if (!job) {
    co_return co_await shell.print("run: {}: {} (status {})\n", name, job.error(),
                                   guest::status::kNotLoaded);
  }
  if (invocation.background) co_return co_await run_background(shell, name, *job);
  const auto end = co_await shell.host().wait(*job);
  if (!end) co_return co_await shell.print("run: {}: out of memory\n", name);
  co_return co_await shell.report(name, *end, false);
}

Printing wait(Shell& shell, Invocation) {
  while (!shell.background_jobs().empty()) {
    const Shell::BackgroundJob job = shell.background_jobs().back();
    const auto end = co_await shell.host().wait(job.job);
    if (!end) co_return co_await shell.print("wait: out of memory\n");
    shell.background_jobs().pop_back();
    (void)co_await shell.print("[{}] ", job.job);
    (void)co_await shell.report(job.name_view(), *end, true);
  }
  co_return {};
}

Printing ls(Shell& shell, Invocation invocation) {
  // Without an argument: what `run` finds by its name.
  const std::string_view path = invocation.words.size() > 1 ? invocation.words[1] : "bin";
  const archive::Archive& archive = shell.host().archive();
  const auto directory = archive.resolve(path);
  if (!directory) co_return co_await shell.print("ls: {}: no such file\n", path);
  if (archive.node(*directory).kind == archive::NodeKind::kFile) {
    co_return co_await shell.print("{} {}\n", archive.node(*directory).data.size(), path);
  }
  for (std::uint64_t i = 0;; ++i) {
    const auto child = archive.child(*directory, i);
    if (!child) co_return {};
    const archive::Node& node = archive.node(*child);
    if (node.kind == archive::NodeKind::kDirectory) {
      (void)co_await shell.print("{}/\n", node.name);
    } else {
      (void)co_await shell.print("{} {}\n", node.name, node.data.size());
    }
  }
}

Printing cat(Shell& shell, Invocation invocation) {
  if (invocation.words.size() < 2) co_return co_await shell.print("usage: cat FILE\n");
  const std::string_view path = invocation.words[1];
  const archive::Archive& archive = shell.host().archive();
  const auto file = archive.resolve(path);
  if (!file) co_return co_await shell.print("cat: {}: no such file\n", path);
  const archive::Node& node = archive.node(*file);
  if (node.kind == archive::NodeKind::kDirectory) {
    co_return co_await shell.print("cat: {}: is a directory\n", path);
  }
  // SAFETY: char may alias any object.
  co_return co_await shell.print_text(
      {reinterpret_cast<const char*>(node.data.data()), node.data.size()});
}

Printing ps(Shell& shell, Invocation) {
  // Gathered first: the list is not to be held while the output waits.
  struct Listed {
    std::uint64_t id = 0;
    std::array<char, 64> name{};
    std::size_t name_size = 0;
    std::string_view memory_plan;
  };
  struct Gathered {
    containers::Vector<Listed> programs;
    bool complete = true;
  } gathered;
  shell.host().list(
      [](void* context, const ProgramInfo& info) {
        auto& all = *static_cast<Gathered*>(context);
        Listed listed;
        listed.id = info.id;
        listed.name_size = std::min(info.name.size(), listed.name.size());
        std::copy_n(info.name.begin(), listed.name_size, listed.name.begin());
        listed.memory_plan = info.memory_plan;
        if (!all.programs.try_push_back(listed)) all.complete = false;
      },
      &gathered);
  for (const Listed& listed : gathered.programs) {
    (void)co_await shell.print("{} {} ({} memories)\n", listed.id,
                               std::string_view(listed.name.data(), listed.name_size),
                               listed.memory_plan);
  }
  if (!gathered.complete) (void)co_await shell.print("ps: out of memory\n");
  co_return {};
}

Printing mem(Shell& shell, Invocation) {
  const MemoryInfo info = shell.host().memory();
  constexpr std::uint64_t kKibibyte = 1024;
  co_return co_await shell.print("free {} KiB, kernel heap {} KiB\n", info.free_bytes / kKibibyte,
                                 info.heap_bytes / kKibibyte);
}

Printing shutdown(Shell& shell, Invocation invocation) {
  std::uint8_t status = 0;
  if (invocation.words.size() > 1) {
    const std::string_view text = invocation.words[1];
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), status);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
      co_return co_await shell.print("shutdown: a status is a number from 0 to 255\n");
    }
  }
  shell.stop(status);
  co_return {};
}

constexpr auto kCommands = std::to_array<Command>({
    {"help", "", "Lists the commands.", 1, false, help},
    {"run", "NAME [ARG...] [&]",
     "Runs a program of bin/, or one named by its path; with & in the background.", kAnyWords, true,
     run},
    {"wait", "", "Waits for the programs in the background.", 1, false, wait},
    {"ls", "[DIRECTORY]", "Lists the programs, or a directory of the boot archive.", 2, false, ls},
    {"cat", "FILE", "Prints a file of the boot archive.", 2, false, cat},
    {"ps", "", "Lists the running programs.", 1, false, ps},
    {"mem", "", "Tells how much memory is free.", 1, false, mem},
    {"version", "", "Tells what runs here.", 1, false, version},
    {"shutdown", "[STATUS]", "Stops the machine.", 2, false, shutdown},
});

}  // namespace

std::span<const Command> commands() noexcept {
  return kCommands;
}

}  // namespace quoll::shell
