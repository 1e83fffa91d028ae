// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Opening and looking at what a path names. Everything is read-only.
#include <array>
#include <cstring>

#include <quoll/wasi/path.hpp>

#include "calls.hpp"

namespace quoll::wasi::calls {
namespace {

// The path is copied: what walks it sees no memory that the program could point at.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): text_ is filled up to length_
class PathCopy {
 public:
  static WasiResult<PathCopy> create(const Call& call, std::uint32_t address,
                                     std::uint32_t length) {
    const auto bytes = TRY(call.memory.range(address, length));
    if (bytes.size() > kMaxPath) return base::err(Errno::kNametoolong);
    PathCopy copy;
    if (!bytes.empty()) std::memcpy(copy.text_.data(), bytes.data(), bytes.size());
    copy.length_ = bytes.size();
    return copy;
  }
  std::string_view view() const { return {text_.data(), length_}; }

 private:
  std::array<char, kMaxPath> text_;
  std::size_t length_ = 0;
};

/// What path_open was asked for, its flags checked.
struct OpenRequest {
  std::uint32_t directory;
  std::uint32_t open_flags;
  std::uint64_t rights;
  std::uint64_t inheriting;
  std::uint16_t descriptor_flags;
  std::uint32_t result_address;

  bool has(std::uint32_t flag) const { return (open_flags & flag) != 0; }
  bool would_write() const { return has(open_flag::kTruncate) || (rights & right::kFdWrite) != 0; }
};

WasiResult<OpenRequest> decode_request(const Call& call) {
  const std::uint32_t open_flags = call.u32(4);
  const std::uint32_t descriptor_flags = call.u32(7);
  if ((call.u32(1) & ~kAllLookupFlags) != 0 || (open_flags & ~open_flag::kAll) != 0 ||
      (descriptor_flags & ~kAllDescriptorFlags) != 0) {
    return base::err(Errno::kInval);
  }
  const OpenRequest request{.directory = call.u32(0),
                            .open_flags = open_flags,
                            .rights = call.u64(5),
                            .inheriting = call.u64(6),
                            .descriptor_flags = static_cast<std::uint16_t>(descriptor_flags),
                            .result_address = call.u32(8)};
  if (request.has(open_flag::kDirectory) && request.has(open_flag::kCreate)) {
    return base::err(Errno::kInval);
  }
  return request;
}

// Says whether what the path names may be opened as asked.
Done check_kind(const OpenRequest& request, abi::ObjectKind kind) {
  if (request.has(open_flag::kCreate) && request.has(open_flag::kExclusive)) {
    return base::err(Errno::kExist);
  }
  if (kind == abi::ObjectKind::kDirectory) {
    if (request.has(open_flag::kTruncate)) return base::err(Errno::kIsdir);
    return {};
  }
  if (request.has(open_flag::kDirectory)) return base::err(Errno::kNotdir);
  if (request.would_write()) return base::err(Errno::kRofs);
  return {};
}

Descriptor make_descriptor(const OpenRequest& request, const Descriptor& parent,
                           abi::ObjectKind kind) {
  const bool directory = kind == abi::ObjectKind::kDirectory;
  const std::uint64_t possible = directory ? right::kDirectory : right::kFile;
  return {.kind = directory ? Descriptor::Kind::kDirectory : Descriptor::Kind::kFile,
          .flags = request.descriptor_flags,
          .rights = request.rights & parent.inheriting & possible,
          .inheriting = directory ? request.inheriting & parent.inheriting : 0};
}

}  // namespace

Done path_open(Call& call) {
  const OpenRequest request = TRY(decode_request(call));
  const Descriptor* parent = TRY(call.process.directory(request.directory, right::kPathOpen));
  TRY(call.memory.range(request.result_address, sizeof(std::uint32_t)));
  const PathCopy path = TRY(PathCopy::create(call, call.u32(2), call.u32(3)));
  const std::uint32_t number = TRY(call.process.free_number());

  Host& host = call.process.host();
  auto walked = walk(host, parent->handle, path.view());
  if (!walked) {
    const bool would_create = request.has(open_flag::kCreate) &&
                              walked.error().error == Errno::kNoent &&
                              walked.error().at_last_component;
    return base::err(would_create ? Errno::kRofs : walked.error().error);
  }
  const abi::Stat stat = TRY(host.handle_stat(walked->handle()).transform_error(to_errno));
  TRY(check_kind(request, stat.kind));

  Descriptor opened = make_descriptor(request, *parent, stat.kind);
  opened.handle = walked->release();
  call.process.install(number, opened);
  return call.memory.store<std::uint32_t>(request.result_address, number);
}

Done path_filestat_get(Call& call) {
  if ((call.u32(1) & ~kAllLookupFlags) != 0) return base::err(Errno::kInval);
  const Descriptor* parent = TRY(call.process.directory(call.u32(0), right::kPathFilestatGet));
  const PathCopy path = TRY(PathCopy::create(call, call.u32(2), call.u32(3)));

  Host& host = call.process.host();
  auto walked = walk(host, parent->handle, path.view());
  if (!walked) return base::err(walked.error().error);
  const abi::Stat stat = TRY(host.handle_stat(walked->handle()).transform_error(to_errno));
  return put_filestat(call, call.u32(4), stat);
}

}  // namespace quoll::wasi::calls
