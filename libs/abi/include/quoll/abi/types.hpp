// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The structures that cross the boundary in memory.
#pragma once

#include <cstdint>
#include <string_view>

namespace quoll::abi {

/// A guest's name for an object; 0 is never one. Its numbers say nothing about other guests.
using Handle = std::uint32_t;
inline constexpr Handle kNoHandle = 0;

/// Why a guest ended, as it says itself through `exit`.
enum class EndKind : std::uint64_t {
  kExited = 0,      ///< the program returned or called proc_exit: status is its own
  kTrapped = 1,     ///< a WebAssembly trap, already reported on its standard error
  kLoadFailed = 2,  ///< the module was malformed, invalid or could not be linked
};

/// The clocks of `clock_get`.
enum class Clock : std::uint64_t {
  kMonotonic = 0,  ///< nanoseconds since boot
  kRealtime = 1,   ///< nanoseconds since 1970-01-01 00:00 UTC
};

/// What kind of object a handle names.
enum class ObjectKind : std::uint32_t {
  kStream = 1,
  kFile = 2,
  kDirectory = 3,
};

/// What a handle may be used for; a set of bits.
namespace rights {
inline constexpr std::uint32_t kRead = 1u << 0;
inline constexpr std::uint32_t kWrite = 1u << 1;
}  // namespace rights

/// What a stream is connected to; bits of `Stat::flags`.
namespace stat_flags {
inline constexpr std::uint32_t kTerminal = 1u << 0;
}  // namespace stat_flags

/// What `handle_stat` writes.
struct Stat {
  ObjectKind kind;
  std::uint32_t rights;
  std::uint32_t flags;
  std::uint32_t reserved;
  std::uint64_t size;  ///< bytes; 0 for streams and directories
  std::uint64_t id;    ///< the same object has the same number for as long as the machine runs
  std::uint64_t modified_ns;  ///< since 1970-01-01 00:00 UTC
};
static_assert(sizeof(Stat) == 40);

/// What `directory_read` writes, followed by `name_length` bytes of name and padding to 8 bytes.
/// Entries that do not fit whole are left for the next call.
struct DirectoryEntry {
  std::uint64_t next_cookie;  ///< where a later call goes on after this entry
  std::uint64_t id;
  ObjectKind kind;
  std::uint32_t name_length;
};
static_assert(sizeof(DirectoryEntry) == 24);

/// What `wait_many` waits for; bits.
namespace readiness {
inline constexpr std::uint32_t kReadable = 1u
                                           << 0;  ///< a read would not wait (data or end of file)
inline constexpr std::uint32_t kWritable = 1u << 1;  ///< a write would not wait (room or closed)
inline constexpr std::uint32_t kHangUp = 1u << 2;    ///< the other end is closed; result only
}  // namespace readiness

/// One thing to wait for.
struct WaitItem {
  Handle handle;
  std::uint32_t interest;  ///< in: bits of `readiness`
  std::uint32_t ready;     ///< out
  std::uint32_t reserved;
};
static_assert(sizeof(WaitItem) == 16);

/// A deadline that never comes.
inline constexpr std::uint64_t kNever = ~std::uint64_t{0};

/// What kind of fault is reported by the upcall.
enum class FaultKind : std::uint64_t {
  kLoad = 1,
  kStore = 2,
  kFetch = 3,
  kIllegalInstruction = 4,
  kMisaligned = 5,
  kBreakpoint = 6,
  kOutOfMemory = 7,  ///< the page is the guest's, but no frame could be had for it
};

/// Why an access to memory was a fault.
enum class FaultCause : std::uint64_t {
  kNone = 0,         ///< it was none, or the machine had no memory for it
  kUnmapped = 1,     ///< no region is there
  kDenied = 2,       ///< a region that does not allow it; a reservation allows nothing
  kGuard = 3,        ///< a guard
  kOutsideFile = 4,  ///< the object behind the region ends before it
  kUnavailable = 5,  ///< the page could not be got from where it comes from
};

/// The interrupted state that the upcall receives and `fault_return` takes back.
struct FaultFrame {
  FaultKind kind;
  std::uint64_t address;        ///< the address accessed; 0 where there is none
  std::uint64_t pc;             ///< of the faulting instruction
  FaultCause cause;             ///< of loads, stores and fetches
  std::uint64_t region_start;   ///< of the region that the address is in; both 0 when it is in none
  std::uint64_t region_end;     ///< one past its last byte
  std::uint64_t registers[32];  ///< x0 (always 0) to x31
};
static_assert(sizeof(FaultFrame) == 304);

/// The read-only page from which user mode tells the time without a system call.
///
/// ns since boot = ((rdtime - boot_ticks) * multiplier) >> shift, in 128 bits. A reader takes
/// `sequence` before and after and starts again when it was odd or has changed.
struct TimePage {
  std::uint32_t version;
  std::uint32_t sequence;
  std::uint64_t boot_ticks;
  std::uint64_t multiplier;
  std::uint32_t shift;
  std::uint32_t reserved;
  std::uint64_t timebase_hz;
  std::uint64_t realtime_offset_ns;  ///< realtime = monotonic + this; 0 when no clock is known
};
static_assert(sizeof(TimePage) == 48);

/// Bits of `StartBlock::features`: instruction set extensions of every hart.
namespace features {
inline constexpr std::uint64_t kZba = 1u << 0;
inline constexpr std::uint64_t kZbb = 1u << 1;
}  // namespace features

/// What a runtime prints beside the reason when its program traps.
enum class Backtrace : std::uint32_t {
  kOff = 0,    ///< nothing
  kShort = 1,  ///< the innermost and the outermost calls
  kFull = 2,   ///< many more of them
};

/// How a guest's linear memories get their addresses.
enum class MemoryPlan : std::uint32_t {
  kChecked = 0,  ///< each reserves what it can grow to; each access is compared with its size
  kGuarded = 1,  ///< each reserves `kGuardedMemory`, guards included: any 32-bit access hits it
};

constexpr std::string_view to_string(MemoryPlan plan) noexcept {
  return plan == MemoryPlan::kGuarded ? "guarded" : "checked";
}

inline constexpr std::uint64_t kStartMagic = 0x5452'4154'5351'554c;

/// A byte range inside the start block, relative to its first byte. A NUL follows each.
struct StartString {
  std::uint32_t offset;
  std::uint32_t length;  ///< without the NUL
};

/// A directory that the guest was given.
struct StartPreopen {
  Handle handle;
  StartString name;  ///< the path by which the program knows it
};
static_assert(sizeof(StartPreopen) == 12);

/// What a guest finds at the address in a0 when it starts: read-only, self-describing, contiguous.
struct StartBlock {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t size;       ///< bytes of block, tables and strings together
  std::uint64_t time_page;  ///< address of the TimePage
  std::uint64_t stack_low;  ///< lowest mapped byte of the start stack; a guard lies below
  std::uint64_t stack_high;
  std::uint64_t address_space_end;  ///< one past the highest user address of this machine
  std::uint64_t memory_limit;       ///< bytes that the guest may have committed at once
  std::uint64_t features;
  std::uint64_t module_address;  ///< the module's bytes, read-only, where every guest sees them
  std::uint64_t module_bytes;
  Handle module;        ///< the WebAssembly module, a file
  Handle stdin_stream;  ///< streams are kNoHandle when not given
  Handle stdout_stream;
  Handle stderr_stream;
  StartString module_name;
  std::uint32_t argument_count;  ///< including the program's name
  std::uint32_t arguments;       ///< offset of StartString[argument_count]
  std::uint32_t environment_count;
  std::uint32_t environment;  ///< offset of StartString[environment_count], each "KEY=value"
  std::uint32_t preopen_count;
  std::uint32_t preopens;  ///< offset of StartPreopen[preopen_count]
  Backtrace backtrace;     ///< a value that is not known counts as kShort
  MemoryPlan memory_plan;
};
static_assert(sizeof(StartBlock) == 136);

}  // namespace quoll::abi
