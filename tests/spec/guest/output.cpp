// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "output.hpp"

#include <span>

#include <quoll/runtime/system_call.hpp>

namespace quoll::spec {

namespace {

/// Neither passed nor failed: the suite could not be run.
constexpr std::uint64_t kNotRun = 2;

constinit abi::Handle lines_stream = abi::kNoHandle;
constinit abi::Handle complaints_stream = abi::kNoHandle;

bool write(abi::Handle stream, std::string_view text) {
  std::span<const std::byte> rest = std::as_bytes(std::span(text));
  while (!rest.empty()) {
    const auto written = runtime::stream_write(stream, rest);
    if (!written) return false;
    rest = rest.subspan(*written);
  }
  return true;
}

}  // namespace

void open_output(abi::Handle lines, abi::Handle complaints) {
  lines_stream = lines;
  complaints_stream = complaints;
}

void say(std::string_view line) {
  if (!write(lines_stream, line) || !write(lines_stream, "\n")) end_with("nobody takes the lines");
}

void end_with(std::string_view complaint) {
  // Whether anybody reads this makes no difference.
  static_cast<void>(write(complaints_stream, "spec: ") && write(complaints_stream, complaint) &&
                    write(complaints_stream, "\n"));
  runtime::exit(abi::EndKind::kExited, kNotRun);
}

}  // namespace quoll::spec
