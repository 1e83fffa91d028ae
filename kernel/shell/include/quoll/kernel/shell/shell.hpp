// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Shell: the interactive prompt.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <quoll/containers/vector.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/shell/command_line.hpp>
#include <quoll/kernel/shell/host.hpp>
#include <quoll/kernel/shell/line_buffer.hpp>
#include <quoll/log/format.hpp>

namespace quoll::shell {

/// Reads commands from one stream, answers on another, until it is told to stop.
///
/// Input is taken byte by byte, so that what follows a `run` line is left for the program.
class Shell {
 public:
  /// What a coroutine of the shell gives: the output's errors are no reason to stop.
  using Printing = async::Task<base::Result<void, device::StreamError>>;

  Shell(Host& host, device::ByteStream& input, device::ByteStream& output)
      : host_(host), input_(input), output_(output) {}
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  /// Serves until `shutdown` or the end of input; the result is the machine's status.
  async::Task<base::Result<std::uint8_t, device::StreamError>> serve();

  // For the commands.

  Host& host() noexcept { return host_; }
  Printing print_text(std::string_view text);
  /// As `print_text`, formatted. *Requires*: awaited before the next one.
  template <typename... A>
  Printing print(log::Format<std::type_identity_t<A>...> format, const A&... values) {
    const std::size_t size = log::format_to(scratch_, format, values...);
    return print_text({scratch_.data(), size});
  }
  /// Ends `serve` after this command.
  void stop(std::uint8_t status) noexcept { stop_status_ = status; }

  /// A program in the background, by its number and name.
  struct BackgroundJob {
    BackgroundJob(Job number, std::string_view called) noexcept
        : job(number), name_size(std::min(called.size(), name.size())) {
      std::copy_n(called.begin(), name_size, name.begin());
    }
    Job job;
    std::array<char, 64> name{};
    std::size_t name_size;
    std::string_view name_view() const noexcept { return {name.data(), name_size}; }
  };
  /// In the order in which they were started.
  containers::Vector<BackgroundJob>& background_jobs() noexcept { return jobs_; }
  /// The end of the one at this place has been told.
  void forget_background(std::size_t place);
  /// Says how a program ended, unless that is no news.
  Printing report(std::string_view name, const guest::GuestEnd& end, bool say_success);

 private:
  async::Task<base::Result<std::optional<Line>, device::StreamError>> read_line();
  Printing obey(Line line);
  Printing report_background();

  Host& host_;
  device::ByteStream& input_;
  device::ByteStream& output_;
  LineBuffer lines_;
  containers::Vector<BackgroundJob> jobs_;
  std::optional<std::uint8_t> stop_status_;
  std::array<char, 512> scratch_{};
};

}  // namespace quoll::shell
