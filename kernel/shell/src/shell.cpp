// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <utility>

#include <quoll/kernel/shell/shell.hpp>

#include "commands.hpp"
#include "log_target.hpp"

namespace quoll::shell {

using device::StreamError;

async::Task<base::Result<std::uint8_t, StreamError>> Shell::serve() {
  (void)co_await print("{}\nType help for the commands.\n", host_.version());
  bool short_of_memory = false;
  while (!stop_status_) {
    if (!short_of_memory) {
      (void)co_await report_background();
      (void)co_await print_text("quoll> ");
    }
    const auto read = co_await read_line();
    if (!read) {
      if (read.error() != StreamError::kOutOfMemory) co_return base::err(read.error());
      // What has been typed so far is kept. Said once, to whoever can still be told.
      if (!std::exchange(short_of_memory, true)) {
        log::error(kTarget, "no memory to read from the prompt; it tries again");
        (void)co_await print_text("error: out of memory\n");
      }
      (void)co_await async::sleep_until(host_.soon());
      continue;
    }
    short_of_memory = false;
    const std::optional<Line>& line = *read;
    if (!line) {
      (void)co_await print_text("\n");
      co_return std::uint8_t{0};
    }
    (void)co_await obey(*line);
  }
  co_return *stop_status_;
}

async::Task<base::Result<std::optional<Line>, StreamError>> Shell::read_line() {
  for (;;) {
    std::byte byte{};
    const auto count = co_await input_.read({&byte, 1});
    if (!count) co_return base::err(count.error());
    if (*count == 0) co_return lines_.finish();
    std::span<const std::byte> input(&byte, 1);
    if (const std::optional<Line> line = lines_.next(input)) co_return line;
  }
}

Shell::Printing Shell::print_text(std::string_view text) {
  std::span<const std::byte> rest = std::as_bytes(std::span(text));
  while (!rest.empty()) {
    const auto written = co_await output_.write(rest);
    if (!written) co_return base::err(written.error());
    rest = rest.subspan(*written);
  }
  co_return {};
}

Shell::Printing Shell::obey(Line line) {
  if (line.too_long) {
    co_return co_await print("error: a line has at most {} bytes\n", LineBuffer::kMaxLine);
  }
  const auto split = CommandLine::split(line.text);
  if (!split) co_return co_await print("error: {}\n", to_string(split.error()));
  if (split->words().empty()) co_return {};

  const std::string_view name = split->words().front();
  for (const Command& command : commands()) {
    if (command.name != name) continue;
    if (split->words().size() > command.most_words ||
        (split->background() && !command.may_be_background)) {
      co_return co_await print("usage: {} {}\n", command.name, command.usage);
    }
    const auto done =
        co_await command.run(*this, Invocation{split->words(), split->background()}).contained();
    if (done) co_return *done;
    // Whatever broke in the command, the prompt comes back.
    const bool panicked = done.error() == async::TaskError::kPanicked;
    co_return co_await print("{}: {}\n", name, panicked ? "panicked" : "out of memory");
  }
  co_return co_await print("error: no command '{}'; try help\n", name);
}

Shell::Printing Shell::report(std::string_view name, const guest::GuestEnd& end, bool say_success) {
  switch (end.reason) {
    case guest::EndReason::kExited:
      if (end.status() == 0 && !say_success) co_return {};
      co_return co_await print("{}: exited with status {}\n", name, end.status());
    case guest::EndReason::kTrapped:
      co_return co_await print("{}: trapped (status {})\n", name, end.status());
    case guest::EndReason::kLoadFailed:
      co_return co_await print("{}: not loaded (status {})\n", name, end.status());
    case guest::EndReason::kFaulted:
      co_return co_await print("{}: killed by a fault (status {})\n", name, end.status());
    case guest::EndReason::kInterrupted:
      co_return co_await print("{}: interrupted (status {})\n", name, end.status());
    case guest::EndReason::kPanicked:
      co_return co_await print("{}: killed by a kernel panic (status {})\n", name, end.status());
  }
  co_return {};
}

void Shell::forget_background(std::size_t place) {
  for (std::size_t i = place + 1; i < jobs_.size(); ++i) jobs_[i - 1] = jobs_[i];
  jobs_.pop_back();
}

Shell::Printing Shell::report_background() {
  for (std::size_t i = 0; i < jobs_.size();) {
    guest::GuestEnd end;
    if (!host_.poll(jobs_[i].job, end)) {
      ++i;
      continue;
    }
    const BackgroundJob job = jobs_[i];
    forget_background(i);
    (void)co_await print("[{}] ", job.job);
    (void)co_await report(job.name_view(), end, true);
  }
  co_return {};
}

}  // namespace quoll::shell
