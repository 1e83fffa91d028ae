// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "fake_host.hpp"

#include <algorithm>
#include <cstring>

namespace quoll::wasi::testing {

using base::err;

FakeHost::FakeHost() {
  root_.id = next_id_++;
}

Node& FakeHost::make(const std::string& path) {
  Node* at = &root_;
  for (std::size_t from = 0; from < path.size();) {
    const std::size_t to = std::min(path.find('/', from), path.size());
    auto& entry = at->entries[path.substr(from, to - from)];
    if (!entry) {
      entry = std::make_unique<Node>();
      entry->id = next_id_++;
    }
    at = entry.get();
    from = to + 1;
  }
  return *at;
}

void FakeHost::add_directory(const std::string& path) {
  make(path);
}

void FakeHost::add_file(const std::string& path, const std::string& content) {
  Node& node = make(path);
  node.is_directory = false;
  node.content = content;
}

abi::Handle FakeHost::open_root() {
  open_[next_handle_] = &root_;
  return next_handle_++;
}

HostResult<std::uint64_t> FakeHost::clock(abi::Clock clock) {
  return clock == abi::Clock::kMonotonic ? now_ns : now_ns + calendar_offset_ns;
}

HostResult<std::uint64_t> FakeHost::wait_many(std::span<abi::WaitItem> items,
                                              std::uint64_t deadline_ns) {
  ++waits;
  std::uint64_t ready = 0;
  for (abi::WaitItem& item : items) {
    item.ready = 0;
    if (item.handle == kInput && input_ready) item.ready |= abi::readiness::kReadable;
    if (item.handle != kInput) item.ready |= abi::readiness::kWritable;
    item.ready &= item.interest;
    if (item.handle == kOutput && output_closed) item.ready |= abi::readiness::kHangUp;
    if (item.ready != 0) ++ready;
  }
  if (ready != 0) return ready;
  if (deadline_ns == abi::kNever) {
    never_waited_for = true;
    return err(abi::Error::kIo);
  }
  now_ns = std::max(now_ns, deadline_ns);
  return err(abi::Error::kTimedOut);
}

HostResult<std::size_t> FakeHost::stream_read(abi::Handle stream, std::span<std::byte> to) {
  if (stream != kInput) return err(abi::Error::kBadHandle);
  const std::size_t count = std::min(to.size(), input.size());
  std::memcpy(to.data(), input.data(), count);
  input.erase(0, count);
  return count;
}

HostResult<std::size_t> FakeHost::stream_write(abi::Handle stream,
                                               std::span<const std::byte> from) {
  ++writes;
  if (write_error != abi::Error::kOk) return err(write_error);
  std::string& to = stream == kOutput ? output : errors;
  const std::size_t count = std::min(from.size(), write_limit);
  for (const std::byte byte : from.first(count)) to += static_cast<char>(byte);
  return count;
}

HostResult<std::size_t> FakeHost::file_read(abi::Handle file, std::span<std::byte> to,
                                            std::uint64_t offset) {
  const auto found = open_.find(file);
  if (found == open_.end() || found->second->is_directory) return err(abi::Error::kBadHandle);
  const std::string& content = found->second->content;
  if (offset >= content.size()) return std::size_t{0};
  // Short, as a system call may be.
  const std::size_t count = std::min({to.size(), content.size() - offset, std::size_t{7}});
  std::memcpy(to.data(), content.data() + offset, count);
  return count;
}

HostResult<abi::Stat> FakeHost::handle_stat(abi::Handle handle) {
  if (handle <= kErrors) {
    return abi::Stat{.kind = abi::ObjectKind::kStream,
                     .rights = 0,
                     .flags = 0,
                     .reserved = 0,
                     .size = 0,
                     .id = handle,
                     .modified_ns = 0};
  }
  const auto found = open_.find(handle);
  if (found == open_.end()) return err(abi::Error::kBadHandle);
  const Node& node = *found->second;
  return abi::Stat{.kind = node.is_directory ? abi::ObjectKind::kDirectory : abi::ObjectKind::kFile,
                   .rights = abi::rights::kRead,
                   .flags = 0,
                   .reserved = 0,
                   .size = node.content.size(),
                   .id = node.id,
                   .modified_ns = 1234};
}

HostResult<void> FakeHost::handle_close(abi::Handle handle) {
  if (handle > kErrors && open_.erase(handle) == 0) return err(abi::Error::kBadHandle);
  return {};
}

HostResult<abi::Handle> FakeHost::directory_open(abi::Handle directory, std::string_view name) {
  const auto found = open_.find(directory);
  if (found == open_.end() || !found->second->is_directory) return err(abi::Error::kBadHandle);
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos) {
    return err(abi::Error::kBadName);
  }
  const auto entry = found->second->entries.find(std::string(name));
  if (entry == found->second->entries.end()) return err(abi::Error::kNotFound);
  open_[next_handle_] = entry->second.get();
  return next_handle_++;
}

HostResult<std::size_t> FakeHost::directory_read(abi::Handle directory, std::uint64_t cookie,
                                                 std::span<std::byte> to) {
  const auto found = open_.find(directory);
  if (found == open_.end()) return err(abi::Error::kBadHandle);
  std::size_t used = 0;
  std::uint64_t index = 0;
  for (const auto& [name, node] : found->second->entries) {
    if (index++ < cookie) continue;
    const std::size_t size =
        base::align_up<std::size_t>(sizeof(abi::DirectoryEntry) + name.size(), 8);
    if (size > to.size() - used) break;
    const abi::DirectoryEntry entry{
        .next_cookie = index,
        .id = node->id,
        .kind = node->is_directory ? abi::ObjectKind::kDirectory : abi::ObjectKind::kFile,
        .name_length = static_cast<std::uint32_t>(name.size())};
    std::memcpy(&to[used], &entry, sizeof(entry));
    std::memcpy(&to[used + sizeof(entry)], name.data(), name.size());
    used += size;
  }
  return used;
}

HostResult<void> FakeHost::random(std::span<std::byte> to) {
  std::ranges::fill(to, std::byte{0x5a});
  return {};
}

Program::Program(FakeHost& host, Dialect of) : memory(kMemorySize), dialect(of) {
  preopens.push_back({.handle = host.open_root(), .name = "/d"});
  process = std::make_unique<Process>(
      host, ProcessSpec{.arguments = arguments,
                        .environment = environment,
                        .streams = {FakeHost::kInput, FakeHost::kOutput, FakeHost::kErrors},
                        .preopens = preopens});
}

Errno Program::call(std::string_view name, std::initializer_list<std::uint64_t> slots) {
  const Function* function = find_function(name);
  QUOLL_ASSERT(function != nullptr && function->parameters.size() == slots.size());
  Call made{.process = *process,
            .memory = GuestMemory(memory),
            .arguments = {slots.begin(), slots.size()},
            .dialect = dialect};
  const Errno answer = invoke(*function, made);
  exit_status = made.exit_status;
  return answer;
}

void Program::put(std::uint32_t address, std::string_view what) {
  std::memcpy(memory.data() + address, what.data(), what.size());
}

std::string Program::text(std::uint32_t address, std::size_t length) const {
  std::string out(length, '\0');
  std::memcpy(out.data(), memory.data() + address, length);
  return out;
}

Errno Program::open(std::string_view path, std::uint32_t& number, std::uint32_t open_flags,
                    std::uint64_t rights, std::uint32_t directory) {
  constexpr std::uint32_t kPath = 0x8000;
  constexpr std::uint32_t kResult = 0x7ffc;
  put(kPath, path);
  const Errno answer = call("path_open", {directory, 1, kPath, path.size(), open_flags, rights,
                                          ~std::uint64_t{0}, 0, kResult});
  number = u32(kResult);
  return answer;
}

}  // namespace quoll::wasi::testing
