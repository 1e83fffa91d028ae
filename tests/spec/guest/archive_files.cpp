// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "archive_files.hpp"

#include <span>
#include <string_view>

#include <quoll/runtime/system_call.hpp>

#include "../rows.hpp"

namespace quoll::spec {

namespace {

/// A handle that was opened here.
class Opened {
 public:
  explicit Opened(abi::Handle handle) : handle_(handle) {}
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    // It is ours and open: there is no reason to refuse.
    static_cast<void>(runtime::handle_close(handle_));
  }

 private:
  abi::Handle handle_;
};

bool read_all(abi::Handle file, std::vector<std::uint8_t>& out) {
  const auto stat = runtime::handle_stat(file);
  if (!stat || stat->kind != abi::ObjectKind::kFile) return false;
  out.resize(stat->size);
  std::span<std::byte> rest = std::as_writable_bytes(std::span(out));
  while (!rest.empty()) {
    const auto read = runtime::file_read(file, rest, out.size() - rest.size());
    if (!read || *read == 0) return false;
    rest = rest.subspan(*read);
  }
  return true;
}

bool read_below(abi::Handle folder, std::string_view path, std::vector<std::uint8_t>& out) {
  // As deep as the suite's folders are, and no deeper: what is open is closed on the way back.
  const std::string_view name = take(path, '/');
  const auto opened = runtime::directory_open(folder, name);
  if (!opened) return false;
  const auto handle = static_cast<abi::Handle>(*opened);
  const Opened closes(handle);
  return path.empty() ? read_all(handle, out) : read_below(handle, path, out);
}

}  // namespace

bool ArchiveFiles::read(const std::string& path, std::vector<std::uint8_t>& out) const {
  return read_below(folder_, path, out);
}

}  // namespace quoll::spec
