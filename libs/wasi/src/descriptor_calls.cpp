// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a descriptor is, where it stands, and its end.
#include <optional>

#include "calls.hpp"

namespace quoll::wasi::calls {
namespace {

enum class Whence : std::uint8_t { kSet, kCurrent, kEnd };

// The same three, numbered 0, 1, 2; the older dialect begins with the current position.
std::optional<Whence> decode_whence(std::uint32_t number, Dialect dialect) {
  constexpr Whence kPreview1[] = {Whence::kSet, Whence::kCurrent, Whence::kEnd};
  constexpr Whence kUnstable[] = {Whence::kCurrent, Whence::kEnd, Whence::kSet};
  if (number > 2) return std::nullopt;
  return dialect == Dialect::kPreview1 ? kPreview1[number] : kUnstable[number];
}

// Positions are kept below 2^63, as everywhere.
WasiResult<std::uint64_t> add_offset(std::uint64_t origin, std::int64_t delta) {
  std::int64_t sum = 0;
  if (origin > INT64_MAX ||
      __builtin_add_overflow(static_cast<std::int64_t>(origin), delta, &sum) || sum < 0) {
    return base::err(Errno::kInval);
  }
  return static_cast<std::uint64_t>(sum);
}

WasiResult<abi::Stat> stat_of(Call& call, abi::Handle handle) {
  return call.process.host().handle_stat(handle).transform_error(to_errno);
}

// A directory has no position, and it cannot be told so by another number than kBadf.
WasiResult<Descriptor*> seekable(Call& call, std::uint64_t rights) {
  auto found = call.process.file(call.u32(0), rights);
  if (!found && found.error() == Errno::kIsdir) return base::err(Errno::kBadf);
  return found;
}

}  // namespace

FileType file_type(abi::ObjectKind kind) {
  switch (kind) {
    case abi::ObjectKind::kStream:
      return FileType::kCharacterDevice;
    case abi::ObjectKind::kFile:
      return FileType::kRegularFile;
    case abi::ObjectKind::kDirectory:
      return FileType::kDirectory;
  }
  return FileType::kUnknown;
}

Done put_filestat(Call& call, std::uint32_t address, const abi::Stat& stat) {
  constexpr std::uint64_t kDevice = 1;
  const bool preview1 = call.dialect == Dialect::kPreview1;
  const FilestatLayout& layout = preview1 ? kFilestatPreview1 : kFilestatUnstable;
  Record<kFilestatPreview1.total> record;
  record.put<std::uint64_t>(layout.device, kDevice);
  record.put<std::uint64_t>(layout.inode, stat.id);
  record.put<std::uint8_t>(layout.file_type, static_cast<std::uint8_t>(file_type(stat.kind)));
  if (preview1) {
    record.put<std::uint64_t>(layout.links, 1);
  } else {
    record.put<std::uint32_t>(layout.links, 1);
  }
  record.put<std::uint64_t>(layout.size, stat.size);
  record.put<std::uint64_t>(layout.accessed, stat.modified_ns);
  record.put<std::uint64_t>(layout.modified, stat.modified_ns);
  record.put<std::uint64_t>(layout.changed, stat.modified_ns);
  return call.memory.store(address, record.bytes(layout.total));
}

Done fd_close(Call& call) {
  return call.process.close(call.u32(0));
}

Done fd_fdstat_get(Call& call) {
  const Descriptor* found = TRY(call.process.descriptor(call.u32(0)));
  Record<fdstat_layout::kSize> record;
  record.put<std::uint8_t>(fdstat_layout::kFileType, static_cast<std::uint8_t>(found->file_type()));
  record.put<std::uint16_t>(fdstat_layout::kFlags, found->flags);
  record.put<std::uint64_t>(fdstat_layout::kRightsBase, found->rights);
  record.put<std::uint64_t>(fdstat_layout::kRightsInheriting, found->inheriting);
  return call.memory.store(call.u32(1), record.bytes());
}

Done fd_filestat_get(Call& call) {
  const Descriptor* found = TRY(call.process.descriptor(call.u32(0)));
  if ((found->rights & right::kFdFilestatGet) == 0) return base::err(Errno::kNotcapable);
  const abi::Stat stat = TRY(stat_of(call, found->handle));
  return put_filestat(call, call.u32(1), stat);
}

Done fd_seek(Call& call) {
  const auto delta = static_cast<std::int64_t>(call.u64(1));
  const auto whence = decode_whence(call.u32(2), call.dialect);
  // Asking where one stands needs less than going elsewhere.
  const bool asks = whence == Whence::kCurrent && delta == 0;
  Descriptor* found = TRY(seekable(call, asks ? right::kFdTell : right::kFdSeek));
  if (!whence) return base::err(Errno::kInval);

  std::uint64_t origin = 0;
  if (*whence == Whence::kCurrent) origin = found->offset;
  if (*whence == Whence::kEnd) origin = TRY(stat_of(call, found->handle)).size;
  const std::uint64_t offset = TRY(add_offset(origin, delta));
  TRY(call.memory.store<std::uint64_t>(call.u32(3), offset));
  found->offset = offset;
  return {};
}

Done fd_tell(Call& call) {
  const Descriptor* found = TRY(seekable(call, right::kFdTell));
  return call.memory.store<std::uint64_t>(call.u32(1), found->offset);
}

}  // namespace quoll::wasi::calls
