// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The way of the trace to the host.
#include <array>

#include <quoll/kernel/device/start.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/tracing/trace.hpp>
#include <quoll/trace/dump.hpp>

#include "virtio_ports.hpp"

namespace quoll::device {

async::Task<void> write_trace(async::CancelToken token) {
  ByteStream* const port = open_port("quoll.trace");
  if (port == nullptr) co_return;
  tracing::record_groups(trace::kNoGroups);
  trace::Dump dump(tracing::dump_source());
  std::array<std::byte, trace::Dump::kPiece> piece;
  while (const std::size_t size = dump.next(piece)) {
    std::span<const std::byte> rest(piece.data(), size);
    while (!rest.empty()) {
      const auto written = co_await port->write(rest, token);
      if (!written) co_return;
      rest = rest.subspan(*written);
    }
  }
}

}  // namespace quoll::device
