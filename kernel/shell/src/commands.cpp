// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "commands.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "tables.hpp"

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

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The place of a program among those in the background, by its number as it was typed.
std::optional<std::size_t> find_background(Shell& shell, std::string_view typed) {
  const auto job = parse_number<Job>(typed);
  const auto& jobs = shell.background_jobs();
  for (std::size_t i = 0; job && i < jobs.size(); ++i) {
    if (jobs[i].job == *job) return i;
  }
  return std::nullopt;
}

/// Waits for a program in the background, and says how it ended.
Printing see_end(Shell& shell, std::string_view command, std::size_t place) {
  const Shell::BackgroundJob job = shell.background_jobs()[place];
  const auto end = co_await shell.host().wait(job.job);
  if (!end) co_return co_await shell.print("{}: out of memory\n", command);
  shell.forget_background(place);
  (void)co_await shell.print("[{}] ", job.job);
  co_return co_await shell.report(job.name_view(), *end, true);
}

Printing no_such_program(Shell& shell, std::string_view command, std::string_view typed) {
  co_return co_await shell.print("{}: no program '{}' in the background\n", command, typed);
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
  // Whoever cannot be told of its end is not to be left with it.
  auto& jobs = shell.background_jobs();
  if (invocation.background && !jobs.try_reserve(jobs.size() + 1)) {
    co_return co_await shell.print("run: {}: out of memory (status {})\n", name,
                                   guest::status::kNotLoaded);
  }
  const auto job =
      shell.host().start(Program{*file, invocation.words.subspan(1), invocation.background});
  if (!job) {
    co_return co_await shell.print("run: {}: {} (status {})\n", name, job.error(),
                                   guest::status::kNotLoaded);
  }
  if (invocation.background) {
    QUOLL_ASSERT(jobs.try_push_back(Shell::BackgroundJob(*job, name)));
    co_return co_await shell.print("[{}] {}\n", *job, name);
  }
  const auto end = co_await shell.host().wait(*job);
  if (!end) co_return co_await shell.print("run: {}: out of memory\n", name);
  co_return co_await shell.report(name, *end, false);
}

Printing wait(Shell& shell, Invocation invocation) {
  if (invocation.words.size() == 1) {
    for (;;) {
      const std::size_t left = shell.background_jobs().size();
      if (left == 0) co_return {};
      (void)co_await see_end(shell, "wait", left - 1);
      if (shell.background_jobs().size() == left) co_return {};
    }
  }
  for (const std::string_view typed : invocation.words.subspan(1)) {
    if (const auto place = find_background(shell, typed)) {
      (void)co_await see_end(shell, "wait", *place);
    } else {
      (void)co_await no_such_program(shell, "wait", typed);
    }
  }
  co_return {};
}

Printing kill(Shell& shell, Invocation invocation) {
  if (invocation.words.size() < 2) co_return co_await shell.print("usage: kill NUMBER...\n");
  for (const std::string_view typed : invocation.words.subspan(1)) {
    const auto place = find_background(shell, typed);
    if (place && shell.host().kill(shell.background_jobs()[*place].job)) {
      (void)co_await see_end(shell, "kill", *place);
    } else {
      (void)co_await no_such_program(shell, "kill", typed);
    }
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

Printing shutdown(Shell& shell, Invocation invocation) {
  std::optional<std::uint8_t> status = 0;
  if (invocation.words.size() > 1) status = parse_number<std::uint8_t>(invocation.words[1]);
  if (!status) co_return co_await shell.print("shutdown: a status is a number from 0 to 255\n");
  shell.stop(*status);
  co_return {};
}

constexpr auto kCommands = std::to_array<Command>({
    {"help", "", "Lists the commands.", 1, false, help},
    {"run", "NAME [ARG...] [&]",
     "Runs a program of bin/, or one named by its path; with & in the background.", kAnyWords, true,
     run},
    {"wait", "[NUMBER...]",
     "Waits for these programs in the background, or for all; Ctrl-C ends the one waited for.",
     kAnyWords, false, wait},
    {"kill", "NUMBER...", "Ends these programs in the background.", kAnyWords, false, kill},
    {"ls", "[DIRECTORY]", "Lists the programs, or a directory of the boot archive.", 2, false, ls},
    {"cat", "FILE", "Prints a file of the boot archive.", 2, false, cat},
    {"ps", "", "Lists the running programs, and how long each has run.", 1, false, ps},
    {"harts", "",
     "Lists the harts: where they are, tasks resumed, parks, interrupts and who raised them.", 1,
     false, harts},
    {"irqs", "", "Lists the interrupt sources: priority, hart, how often and on which harts.", 1,
     false, irqs},
    {"mem", "", "Tells how much memory is free.", 1, false, mem},
    {"version", "", "Tells what runs here.", 1, false, version},
    {"shutdown", "[STATUS]", "Stops the machine.", 2, false, shutdown},
});

}  // namespace

std::span<const Command> commands() noexcept {
  return kCommands;
}

}  // namespace quoll::shell
