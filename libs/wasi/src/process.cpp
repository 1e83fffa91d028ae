// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The table of descriptors.
#include <algorithm>

#include <quoll/wasi/process.hpp>

namespace quoll::wasi {

FileType Descriptor::file_type() const {
  switch (kind) {
    case Kind::kStream:
      return FileType::kCharacterDevice;
    case Kind::kFile:
      return FileType::kRegularFile;
    case Kind::kDirectory:
      return FileType::kDirectory;
    case Kind::kClosed:
      break;
  }
  return FileType::kUnknown;
}

Process::Process(Host& host, const ProcessSpec& spec)
    : host_(host),
      spec_(spec),
      started_ns_(host.clock(abi::Clock::kMonotonic).value_or(std::uint64_t{0})) {
  for (std::uint32_t number = 0; number < spec.streams.size(); ++number) {
    const abi::Handle handle = spec.streams[number];
    if (handle == abi::kNoHandle) continue;
    const std::uint64_t direction = number == 0 ? right::kFdRead : right::kFdWrite;
    descriptors_[number] = {.kind = Descriptor::Kind::kStream,
                            .handle = handle,
                            .rights = direction | right::kFdFilestatGet | right::kPollFdReadwrite};
  }
  const std::size_t first = spec.streams.size();
  const std::size_t count = std::min(spec.preopens.size(), kMaxDescriptors - first);
  for (std::size_t i = 0; i < count; ++i) {
    descriptors_[first + i] = {.kind = Descriptor::Kind::kDirectory,
                               .handle = spec.preopens[i].handle,
                               .rights = right::kDirectory,
                               .inheriting = right::kDirectory | right::kFile,
                               .offset = i,
                               .preopened = true};
  }
}

WasiResult<Descriptor*> Process::descriptor(std::uint32_t number) {
  if (number >= kMaxDescriptors || descriptors_[number].kind == Descriptor::Kind::kClosed) {
    return base::err(Errno::kBadf);
  }
  return &descriptors_[number];
}

WasiResult<Descriptor*> Process::file(std::uint32_t number, std::uint64_t rights) {
  Descriptor* found = TRY(descriptor(number));
  if (found->kind == Descriptor::Kind::kStream) return base::err(Errno::kSpipe);
  if (found->kind == Descriptor::Kind::kDirectory) return base::err(Errno::kIsdir);
  if ((found->rights & rights) != rights) return base::err(Errno::kNotcapable);
  return found;
}

WasiResult<Descriptor*> Process::directory(std::uint32_t number, std::uint64_t rights) {
  Descriptor* found = TRY(descriptor(number));
  if (found->kind != Descriptor::Kind::kDirectory) return base::err(Errno::kNotdir);
  if ((found->rights & rights) != rights) return base::err(Errno::kNotcapable);
  return found;
}

WasiResult<std::string_view> Process::preopen_name(std::uint32_t number) {
  const Descriptor* found = TRY(descriptor(number));
  if (!found->preopened) return base::err(Errno::kBadf);
  return spec_.preopens[static_cast<std::size_t>(found->offset)].name;
}

WasiResult<std::uint32_t> Process::free_number() const {
  for (std::uint32_t number = 0; number < kMaxDescriptors; ++number) {
    if (descriptors_[number].kind == Descriptor::Kind::kClosed) return number;
  }
  return base::err(Errno::kMfile);
}

void Process::install(std::uint32_t number, const Descriptor& descriptor) {
  QUOLL_ASSERT(number < kMaxDescriptors && descriptors_[number].kind == Descriptor::Kind::kClosed);
  descriptors_[number] = descriptor;
}

WasiResult<void> Process::close(std::uint32_t number) {
  Descriptor* found = TRY(descriptor(number));
  const abi::Handle handle = found->handle;
  *found = Descriptor{};
  const bool shared = std::ranges::any_of(descriptors_, [handle](const Descriptor& other) {
    return other.kind != Descriptor::Kind::kClosed && other.handle == handle;
  });
  if (shared) return {};
  return host_.handle_close(handle).transform_error(to_errno);
}

}  // namespace quoll::wasi
