// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "posix_host.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <quoll/base/bits.hpp>

namespace quoll::host_run {
namespace {

using abi::Error;
using base::err;

constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t nanoseconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * kSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t now_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return nanoseconds(time);
}

Error error_of(int number) {
  switch (number) {
    case EBADF:
      return Error::kBadHandle;
    case EPIPE:
      return Error::kClosed;
    case EACCES:
    case EPERM:
      return Error::kDenied;
    case ENOENT:
    case ELOOP:
      return Error::kNotFound;
    case ENOTDIR:
      return Error::kNotDirectory;
    case ENAMETOOLONG:
      return Error::kBadName;
    case EMFILE:
    case ENFILE:
      return Error::kNoHandles;
    default:
      return Error::kIo;
  }
}

abi::ObjectKind kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return abi::ObjectKind::kDirectory;
  if (S_ISREG(mode)) return abi::ObjectKind::kFile;
  return abi::ObjectKind::kStream;
}

std::uint32_t readiness_of(int seen, std::uint32_t interest) {
  std::uint32_t bits = 0;
  if ((seen & (POLLIN | POLLHUP)) != 0) bits |= abi::readiness::kReadable;
  if ((seen & (POLLOUT | POLLERR)) != 0) bits |= abi::readiness::kWritable;
  bits &= interest;
  if ((seen & (POLLHUP | POLLERR)) != 0) bits |= abi::readiness::kHangUp;
  return bits;
}

}  // namespace

PosixHost::PosixHost() {
  for (int fd = 0; fd < 3; ++fd) add(fd);
}

PosixHost::~PosixHost() {
  for (std::size_t i = kErrors; i < open_.size(); ++i) {
    if (open_[i].fd >= 0) ::close(open_[i].fd);
  }
}

PosixHost::Open* PosixHost::find(abi::Handle handle) {
  if (handle == abi::kNoHandle || handle > open_.size() || open_[handle - 1].fd < 0) return nullptr;
  return &open_[handle - 1];
}

abi::Handle PosixHost::add(int fd) {
  auto free = std::ranges::find(open_, -1, &Open::fd);
  if (free == open_.end()) free = open_.emplace(open_.end());
  *free = Open{};
  free->fd = fd;
  return static_cast<abi::Handle>(free - open_.begin()) + 1;
}

abi::Handle PosixHost::open_directory(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? abi::kNoHandle : add(fd);
}

wasi::HostResult<std::uint64_t> PosixHost::clock(abi::Clock clock) {
  return now_ns(clock == abi::Clock::kMonotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME);
}

std::uint64_t PosixHost::clock_resolution() {
  timespec time{};
  clock_getres(CLOCK_MONOTONIC, &time);
  return std::max<std::uint64_t>(nanoseconds(time), 1);
}

wasi::HostResult<std::uint64_t> PosixHost::wait_many(std::span<abi::WaitItem> items,
                                                     std::uint64_t deadline_ns) {
  std::vector<pollfd> polled;
  for (const abi::WaitItem& item : items) {
    Open* open = find(item.handle);
    if (open == nullptr) return err(Error::kBadHandle);
    const int read = (item.interest & abi::readiness::kReadable) != 0 ? POLLIN : 0;
    const int write = (item.interest & abi::readiness::kWritable) != 0 ? POLLOUT : 0;
    polled.push_back({open->fd, static_cast<short>(read | write), 0});
  }
  for (;;) {
    const std::uint64_t now = now_ns(CLOCK_MONOTONIC);
    const std::uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    const timespec timeout{.tv_sec = static_cast<time_t>(left / kSecond),
                           .tv_nsec = static_cast<long>(left % kSecond)};
    const int count = ::ppoll(polled.data(), polled.size(),
                              deadline_ns == abi::kNever ? nullptr : &timeout, nullptr);
    if (count == 0) return err(Error::kTimedOut);
    if (count > 0) break;
    if (errno != EINTR) return err(error_of(errno));
  }
  std::uint64_t ready = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].ready = readiness_of(polled[i].revents, items[i].interest);
    if (items[i].ready != 0) ++ready;
  }
  return ready;
}

wasi::HostResult<std::size_t> PosixHost::stream_read(abi::Handle stream, std::span<std::byte> to) {
  Open* open = find(stream);
  if (open == nullptr) return err(Error::kBadHandle);
  for (;;) {
    const ssize_t count = ::read(open->fd, to.data(), to.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return err(error_of(errno));
  }
}

wasi::HostResult<std::size_t> PosixHost::stream_write(abi::Handle stream,
                                                      std::span<const std::byte> from) {
  Open* open = find(stream);
  if (open == nullptr) return err(Error::kBadHandle);
  for (;;) {
    const ssize_t count = ::write(open->fd, from.data(), from.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return err(error_of(errno));
  }
}

wasi::HostResult<std::size_t> PosixHost::file_read(abi::Handle file, std::span<std::byte> to,
                                                   std::uint64_t offset) {
  Open* open = find(file);
  if (open == nullptr) return err(Error::kBadHandle);
  if (offset > INT64_MAX) return std::size_t{0};
  for (;;) {
    const ssize_t count = ::pread(open->fd, to.data(), to.size(), static_cast<off_t>(offset));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return err(error_of(errno));
  }
}

wasi::HostResult<abi::Stat> PosixHost::handle_stat(abi::Handle handle) {
  Open* open = find(handle);
  struct stat status{};
  if (open == nullptr || ::fstat(open->fd, &status) != 0) return err(Error::kBadHandle);
  const bool stream = handle <= kErrors;
  const bool terminal = stream && ::isatty(open->fd) != 0;
  const abi::ObjectKind kind = stream ? abi::ObjectKind::kStream : kind_of(status.st_mode);
  const bool sized = kind == abi::ObjectKind::kFile;
  return abi::Stat{.kind = kind,
                   .rights = abi::rights::kRead,
                   .flags = terminal ? abi::stat_flags::kTerminal : 0,
                   .reserved = 0,
                   .size = sized ? static_cast<std::uint64_t>(status.st_size) : 0,
                   .id = status.st_ino,
                   .modified_ns = nanoseconds(status.st_mtim)};
}

wasi::HostResult<void> PosixHost::handle_close(abi::Handle handle) {
  Open* open = find(handle);
  if (open == nullptr) return err(Error::kBadHandle);
  // The process's own streams stay: messages still have to get out.
  if (handle > kErrors) ::close(open->fd);
  *open = Open{};
  return {};
}

wasi::HostResult<abi::Handle> PosixHost::directory_open(abi::Handle directory,
                                                        std::string_view name) {
  Open* open = find(directory);
  if (open == nullptr) return err(Error::kBadHandle);
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos) {
    return err(Error::kBadName);
  }
  const int fd =
      ::openat(open->fd, std::string(name).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return err(error_of(errno));
  return add(fd);
}

bool PosixHost::list(Open& directory) {
  DIR* stream = ::fdopendir(::openat(directory.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (stream == nullptr) return false;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    struct stat status{};
    if (name == "." || name == "..") continue;
    if (::fstatat(directory.fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) continue;
    directory.entries.push_back({name, status.st_ino, kind_of(status.st_mode)});
  }
  ::closedir(stream);
  std::ranges::sort(directory.entries, {}, &Entry::name);
  directory.listed = true;
  return true;
}

wasi::HostResult<std::size_t> PosixHost::directory_read(abi::Handle directory, std::uint64_t cookie,
                                                        std::span<std::byte> to) {
  Open* open = find(directory);
  if (open == nullptr) return err(Error::kBadHandle);
  if (!open->listed && !list(*open)) return err(error_of(errno));
  std::size_t used = 0;
  for (std::size_t i = static_cast<std::size_t>(cookie); i < open->entries.size(); ++i) {
    const Entry& entry = open->entries[i];
    const abi::DirectoryEntry record{.next_cookie = i + 1,
                                     .id = entry.id,
                                     .kind = entry.kind,
                                     .name_length = static_cast<std::uint32_t>(entry.name.size())};
    const std::size_t size = base::align_up<std::size_t>(sizeof(record) + entry.name.size(), 8);
    if (size > to.size() - used) {
      if (used == 0) return err(Error::kBadArgument);
      break;
    }
    std::memcpy(&to[used], &record, sizeof(record));
    std::memcpy(&to[used + sizeof(record)], entry.name.data(), entry.name.size());
    used += size;
  }
  return used;
}

wasi::HostResult<void> PosixHost::random(std::span<std::byte> to) {
  while (!to.empty()) {
    const ssize_t count = ::getrandom(to.data(), to.size(), 0);
    if (count < 0 && errno != EINTR) return err(Error::kIo);
    if (count > 0) to = to.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

void PosixHost::yield() {
  ::sched_yield();
}

}  // namespace quoll::host_run
