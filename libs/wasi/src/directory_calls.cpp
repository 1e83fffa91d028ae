// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Preopened directories by name, and what is in a directory.
#include <algorithm>
#include <array>
#include <cstring>

#include "calls.hpp"

namespace quoll::wasi::calls {
namespace {

// A program's cookies: 0 is before ".", 1 before "..", and 2 + n is the host's cookie n.
constexpr std::uint64_t kFirstRealCookie = 2;

/// Fills the program's buffer with entries, the last of them cut off where the buffer ends.
class EntryWriter {
 public:
  explicit EntryWriter(std::span<std::byte> to) : to_(to) {}

  bool full() const { return used_ == to_.size(); }
  std::size_t used() const { return used_; }

  void put(std::uint64_t next, std::uint64_t id, FileType type, std::string_view name) {
    Record<dirent_layout::kSize> record;
    record.put<std::uint64_t>(dirent_layout::kNext, next);
    record.put<std::uint64_t>(dirent_layout::kInode, id);
    record.put<std::uint32_t>(dirent_layout::kNameLength, static_cast<std::uint32_t>(name.size()));
    record.put<std::uint8_t>(dirent_layout::kFileType, static_cast<std::uint8_t>(type));
    put_bytes(record.bytes());
    put_bytes(std::as_bytes(std::span(name)));
  }

 private:
  void put_bytes(std::span<const std::byte> bytes) {
    const std::size_t count = std::min(bytes.size(), to_.size() - used_);
    if (count > 0) std::memcpy(&to_[used_], bytes.data(), count);
    used_ += count;
  }

  std::span<std::byte> to_;
  std::size_t used_ = 0;
};

/// Passes the host's entries from `cookie` on, until there are no more or the writer is full.
Done put_entries(Host& host, abi::Handle directory, std::uint64_t cookie, EntryWriter& writer) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): read only where the host wrote
  alignas(abi::DirectoryEntry) std::array<std::byte, 1024> chunk;
  while (!writer.full()) {
    const std::size_t size =
        TRY(host.directory_read(directory, cookie, chunk).transform_error(to_errno));
    if (size == 0) return {};
    std::size_t at = 0;
    while (at + sizeof(abi::DirectoryEntry) <= size && !writer.full()) {
      abi::DirectoryEntry entry{};
      std::memcpy(&entry, &chunk[at], sizeof(entry));
      const std::size_t name_at = at + sizeof(entry);
      if (entry.name_length > size - name_at) return base::err(Errno::kIo);
      // SAFETY: characters may be looked at in any object; the length has been checked.
      const std::string_view name(reinterpret_cast<const char*>(chunk.data() + name_at),
                                  entry.name_length);
      writer.put(entry.next_cookie + kFirstRealCookie, entry.id, file_type(entry.kind), name);
      cookie = entry.next_cookie;
      at = name_at + base::align_up<std::size_t>(entry.name_length, alignof(abi::DirectoryEntry));
    }
  }
  return {};
}

}  // namespace

Done fd_prestat_get(Call& call) {
  const std::string_view name = TRY(call.process.preopen_name(call.u32(0)));
  Record<prestat_layout::kSize> record;
  record.put<std::uint32_t>(prestat_layout::kNameLength, static_cast<std::uint32_t>(name.size()));
  return call.memory.store(call.u32(1), record.bytes());
}

Done fd_prestat_dir_name(Call& call) {
  const std::string_view name = TRY(call.process.preopen_name(call.u32(0)));
  if (call.u32(2) < name.size()) return base::err(Errno::kNametoolong);
  return call.memory.store(call.u32(1), std::as_bytes(std::span(name)));
}

Done fd_readdir(Call& call) {
  const Descriptor* from = TRY(call.process.directory(call.u32(0), right::kFdReaddir));
  const auto buffer = TRY(call.memory.range(call.u32(1), call.u32(2)));
  TRY(call.memory.range(call.u32(4), sizeof(std::uint32_t)));

  Host& host = call.process.host();
  const std::uint64_t cookie = call.u64(3);
  EntryWriter writer(buffer);
  if (cookie < kFirstRealCookie) {
    // The parent is not the program's to know: both names stand for the directory itself.
    const abi::Stat self = TRY(host.handle_stat(from->handle).transform_error(to_errno));
    if (cookie == 0) writer.put(1, self.id, FileType::kDirectory, ".");
    writer.put(kFirstRealCookie, self.id, FileType::kDirectory, "..");
  }
  const std::uint64_t first = cookie < kFirstRealCookie ? 0 : cookie - kFirstRealCookie;
  TRY(put_entries(host, from->handle, first, writer));
  return call.memory.store<std::uint32_t>(call.u32(4), static_cast<std::uint32_t>(writer.used()));
}

}  // namespace quoll::wasi::calls
