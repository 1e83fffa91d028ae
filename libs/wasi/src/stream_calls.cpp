// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reading and writing through gathered buffers.
//
// All buffers are checked before the first byte moves. The list itself lies in the program's
// memory and may be overwritten by what is read into it, so that each buffer is checked again
// when its turn comes.
#include <algorithm>
#include <array>
#include <cstring>

#include "calls.hpp"

namespace quoll::wasi::calls {
namespace {

/// The buffers of one call.
class BufferList {
 public:
  /// *Errors*: kFault when the list or a buffer is outside; kInval for more than 4 GiB in all.
  static WasiResult<BufferList> create(const GuestMemory& memory, std::uint32_t address,
                                       std::uint32_t count) {
    TRY(memory.array(address, count, iovec_layout::kSize));
    BufferList list(memory, address, count);
    for (std::uint32_t i = 0; i < count; ++i) {
      list.total_ += TRY(list.buffer(i)).size();
      if (list.total_ > UINT32_MAX) return base::err(Errno::kInval);
    }
    return list;
  }

  std::uint32_t count() const { return count_; }
  std::uint64_t total() const { return total_; }

  WasiResult<std::span<std::byte>> buffer(std::uint32_t index) const {
    const std::uint32_t at = address_ + index * iovec_layout::kSize;
    const auto address = TRY(memory_.load<std::uint32_t>(at + iovec_layout::kAddress));
    const auto length = TRY(memory_.load<std::uint32_t>(at + iovec_layout::kLength));
    return memory_.range(address, length);
  }

 private:
  BufferList(const GuestMemory& memory, std::uint32_t address, std::uint32_t count)
      : memory_(memory), address_(address), count_(count) {}

  GuestMemory memory_;
  std::uint32_t address_;
  std::uint32_t count_;
  std::uint64_t total_ = 0;
};

using Moved = WasiResult<std::uint64_t>;

// What was moved before a failure counts; the failure shows again at the next call.
Moved moved_or(std::uint64_t moved, Errno error) {
  if (moved > 0) return moved;
  return base::err(error);
}

Moved write_all(Host& host, abi::Handle stream, std::span<const std::byte> bytes) {
  std::uint64_t moved = 0;
  while (!bytes.empty()) {
    const auto count = host.stream_write(stream, bytes);
    if (!count) return moved_or(moved, to_errno(count.error()));
    if (*count == 0) return moved_or(moved, Errno::kIo);
    moved += *count;
    bytes = bytes.subspan(*count);
  }
  return moved;
}

// Short buffers go out in one piece: a library's line and its newline are one message.
constexpr std::size_t kGatherLimit = 4096;

Moved write_gathered(Host& host, abi::Handle stream, const BufferList& list) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): filled up to where it is read
  std::array<std::byte, kGatherLimit> whole;
  std::size_t filled = 0;
  for (std::uint32_t i = 0; i < list.count(); ++i) {
    const auto part = TRY(list.buffer(i));
    if (part.empty()) continue;
    std::memcpy(&whole[filled], part.data(), part.size());
    filled += part.size();
  }
  return write_all(host, stream, std::span<const std::byte>(whole).first(filled));
}

Moved write_one_by_one(Host& host, abi::Handle stream, const BufferList& list) {
  std::uint64_t moved = 0;
  for (std::uint32_t i = 0; i < list.count(); ++i) {
    const auto part = TRY(list.buffer(i));
    const auto count = write_all(host, stream, part);
    if (!count) return moved_or(moved, count.error());
    moved += *count;
    if (*count < part.size()) break;
  }
  return moved;
}

// One read that may wait, into the first buffer that has room: more might have to wait again.
Moved read_stream(Host& host, abi::Handle stream, const BufferList& list) {
  for (std::uint32_t i = 0; i < list.count(); ++i) {
    const auto buffer = TRY(list.buffer(i));
    if (buffer.empty()) continue;
    return TRY(host.stream_read(stream, buffer).transform_error(to_errno));
  }
  return std::uint64_t{0};
}

Moved read_file(Host& host, abi::Handle file, const BufferList& list, std::uint64_t offset) {
  std::uint64_t moved = 0;
  for (std::uint32_t i = 0; i < list.count(); ++i) {
    auto checked = list.buffer(i);
    if (!checked) return moved_or(moved, checked.error());
    auto buffer = *checked;
    while (!buffer.empty()) {
      const auto at = base::checked_add(offset, moved);
      if (!at) return moved;
      const auto count = host.file_read(file, buffer, *at);
      if (!count) return moved_or(moved, to_errno(count.error()));
      if (*count == 0) return moved;
      moved += *count;
      buffer = buffer.subspan(*count);
    }
  }
  return moved;
}

WasiResult<Descriptor*> readable(Call& call) {
  Descriptor* from = TRY(call.process.descriptor(call.u32(0)));
  if (from->kind == Descriptor::Kind::kDirectory) return base::err(Errno::kIsdir);
  if ((from->rights & right::kFdRead) == 0) return base::err(Errno::kNotcapable);
  return from;
}

Done put_count(Call& call, std::size_t argument, std::uint64_t count) {
  return call.memory.store<std::uint32_t>(call.u32(argument), static_cast<std::uint32_t>(count));
}

}  // namespace

Done fd_write(Call& call) {
  const Descriptor* to = TRY(call.process.descriptor(call.u32(0)));
  if (to->kind == Descriptor::Kind::kDirectory) return base::err(Errno::kIsdir);
  if ((to->rights & right::kFdWrite) == 0) return base::err(Errno::kNotcapable);
  const auto list = TRY(BufferList::create(call.memory, call.u32(1), call.u32(2)));
  TRY(call.memory.range(call.u32(3), sizeof(std::uint32_t)));

  Host& host = call.process.host();
  const bool gather = list.count() > 1 && list.total() <= kGatherLimit;
  const std::uint64_t moved = TRY(gather ? write_gathered(host, to->handle, list)
                                         : write_one_by_one(host, to->handle, list));
  return put_count(call, 3, moved);
}

Done fd_read(Call& call) {
  Descriptor* from = TRY(readable(call));
  const auto list = TRY(BufferList::create(call.memory, call.u32(1), call.u32(2)));
  TRY(call.memory.range(call.u32(3), sizeof(std::uint32_t)));

  Host& host = call.process.host();
  std::uint64_t moved = 0;
  if (from->kind == Descriptor::Kind::kStream) {
    moved = TRY(read_stream(host, from->handle, list));
  } else {
    moved = TRY(read_file(host, from->handle, list, from->offset));
    from->offset += moved;
  }
  return put_count(call, 3, moved);
}

Done fd_pread(Call& call) {
  const Descriptor* from = TRY(call.process.file(call.u32(0), right::kFdRead | right::kFdSeek));
  const auto list = TRY(BufferList::create(call.memory, call.u32(1), call.u32(2)));
  TRY(call.memory.range(call.u32(4), sizeof(std::uint32_t)));
  const std::uint64_t moved = TRY(read_file(call.process.host(), from->handle, list, call.u64(3)));
  return put_count(call, 4, moved);
}

}  // namespace quoll::wasi::calls
