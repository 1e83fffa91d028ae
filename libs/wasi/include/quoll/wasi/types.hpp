// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Numbers and layouts of the interface. Structures are given as offsets, because they lie in the
// program's memory at any alignment and are read and written there byte by byte.
#pragma once

#include <cstdint>

namespace quoll::wasi {

/// The two names under which programs import the interface.
enum class Dialect : std::uint8_t {
  kPreview1,  ///< `wasi_snapshot_preview1`
  kUnstable,  ///< `wasi_unstable`: other whence numbers, file status and subscriptions
};

/// What a descriptor is, as `fd_fdstat_get`, `fd_filestat_get` and `fd_readdir` say.
enum class FileType : std::uint8_t {
  kUnknown = 0,
  kCharacterDevice = 2,
  kDirectory = 3,
  kRegularFile = 4,
};

/// The clocks of `clock_time_get` and of subscriptions.
enum class ClockId : std::uint32_t {
  kRealtime = 0,
  kMonotonic = 1,
  kProcessCputime = 2,
  kThreadCputime = 3,
};

/// What a descriptor may be used for; bits.
namespace right {
inline constexpr std::uint64_t kFdRead = 1u << 1;
inline constexpr std::uint64_t kFdSeek = 1u << 2;
inline constexpr std::uint64_t kFdTell = 1u << 5;
inline constexpr std::uint64_t kFdWrite = 1u << 6;
inline constexpr std::uint64_t kPathOpen = 1u << 13;
inline constexpr std::uint64_t kFdReaddir = 1u << 14;
inline constexpr std::uint64_t kPathFilestatGet = 1u << 18;
inline constexpr std::uint64_t kFdFilestatGet = 1u << 21;
inline constexpr std::uint64_t kPollFdReadwrite = 1u << 27;

/// All that a file can have here, and all that a directory can have or pass on.
inline constexpr std::uint64_t kFile =
    kFdRead | kFdSeek | kFdTell | kFdFilestatGet | kPollFdReadwrite;
inline constexpr std::uint64_t kDirectory =
    kPathOpen | kFdReaddir | kPathFilestatGet | kFdFilestatGet;
}  // namespace right

/// How `path_open` opens; bits.
namespace open_flag {
inline constexpr std::uint32_t kCreate = 1u << 0;
inline constexpr std::uint32_t kDirectory = 1u << 1;
inline constexpr std::uint32_t kExclusive = 1u << 2;
inline constexpr std::uint32_t kTruncate = 1u << 3;
inline constexpr std::uint32_t kAll = 0xf;
}  // namespace open_flag

/// All flags of a descriptor (append, dsync, nonblock, rsync, sync) and of a lookup (follow).
inline constexpr std::uint32_t kAllDescriptorFlags = 0x1f;
inline constexpr std::uint32_t kAllLookupFlags = 0x1;

/// A buffer of a gathering or scattering call: its address, then its length.
namespace iovec_layout {
inline constexpr std::uint32_t kAddress = 0;
inline constexpr std::uint32_t kLength = 4;
inline constexpr std::uint32_t kSize = 8;
}  // namespace iovec_layout

namespace fdstat_layout {
inline constexpr std::uint32_t kFileType = 0;
inline constexpr std::uint32_t kFlags = 2;
inline constexpr std::uint32_t kRightsBase = 8;
inline constexpr std::uint32_t kRightsInheriting = 16;
inline constexpr std::uint32_t kSize = 24;
}  // namespace fdstat_layout

/// Where the fields of a file status lie; the dialects differ in the width of the link count.
struct FilestatLayout {
  std::uint32_t device = 0;
  std::uint32_t inode = 8;
  std::uint32_t file_type = 16;
  std::uint32_t links = 0;
  std::uint32_t links_width = 0;
  std::uint32_t size = 0;
  std::uint32_t accessed = 0;
  std::uint32_t modified = 0;
  std::uint32_t changed = 0;
  std::uint32_t total = 0;
};
inline constexpr FilestatLayout kFilestatPreview1{.links = 24,
                                                  .links_width = 8,
                                                  .size = 32,
                                                  .accessed = 40,
                                                  .modified = 48,
                                                  .changed = 56,
                                                  .total = 64};
inline constexpr FilestatLayout kFilestatUnstable{.links = 20,
                                                  .links_width = 4,
                                                  .size = 24,
                                                  .accessed = 32,
                                                  .modified = 40,
                                                  .changed = 48,
                                                  .total = 56};

namespace dirent_layout {
inline constexpr std::uint32_t kNext = 0;
inline constexpr std::uint32_t kInode = 8;
inline constexpr std::uint32_t kNameLength = 16;
inline constexpr std::uint32_t kFileType = 20;
inline constexpr std::uint32_t kSize = 24;
}  // namespace dirent_layout

namespace prestat_layout {
inline constexpr std::uint32_t kTag = 0;  ///< 0: a directory
inline constexpr std::uint32_t kNameLength = 4;
inline constexpr std::uint32_t kSize = 8;
}  // namespace prestat_layout

/// What a subscription waits for.
enum class EventType : std::uint8_t { kClock = 0, kFdRead = 1, kFdWrite = 2 };

/// Where the fields of a subscription lie; the older dialect names the clock once more.
struct SubscriptionLayout {
  std::uint32_t userdata = 0;
  std::uint32_t type = 8;
  std::uint32_t descriptor = 16;
  std::uint32_t clock = 0;
  std::uint32_t timeout = 0;
  std::uint32_t flags = 0;
  std::uint32_t total = 0;
};
inline constexpr SubscriptionLayout kSubscriptionPreview1{
    .clock = 16, .timeout = 24, .flags = 40, .total = 48};
inline constexpr SubscriptionLayout kSubscriptionUnstable{
    .clock = 24, .timeout = 32, .flags = 48, .total = 56};
inline constexpr std::uint16_t kAbsoluteTime = 1u << 0;

namespace event_layout {
inline constexpr std::uint32_t kUserdata = 0;
inline constexpr std::uint32_t kError = 8;
inline constexpr std::uint32_t kType = 10;
inline constexpr std::uint32_t kBytes = 16;
inline constexpr std::uint32_t kFlags = 24;
inline constexpr std::uint32_t kSize = 32;
}  // namespace event_layout
inline constexpr std::uint16_t kEventHangUp = 1u << 0;

}  // namespace quoll::wasi
