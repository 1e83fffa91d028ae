// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "guest_support.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/start.hpp>
#include <quoll/kernel/guest/embedded.hpp>
#include <quoll/kernel/guest/embedded_runtime.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/random/random.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/log/format.hpp>

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): the assembler's names
extern const std::byte quoll_probe_start[];
extern const std::byte quoll_probe_end[];
// NOLINTEND(readability-identifier-naming)
}

namespace quoll::guest::tests {
namespace {

// The smallest archive with a file: the module that every guest is given.
class ArchiveImage {
 public:
  ArchiveImage() {
    add("module", 0100644, "abc");
    add("TRAILER!!!", 0, "");
  }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(text_).first(size_)); }

 private:
  void add(std::string_view name, std::uint32_t mode, std::string_view data) {
    append("070701");
    for (unsigned field = 0; field < 13; ++field) {
      std::uint64_t value = 0;
      if (field == 1) value = mode;
      if (field == 6) value = data.size();
      if (field == 11) value = name.size() + 1;
      for (unsigned shift = 32; shift != 0; shift -= 4) {
        text_[size_++] = "0123456789ABCDEF"[(value >> (shift - 4)) & 15];
      }
    }
    append(name);
    ++size_;
    pad();
    append(data);
    pad();
  }
  void append(std::string_view text) {
    std::copy(text.begin(), text.end(), text_.begin() + size_);
    size_ += text.size();
  }
  void pad() { size_ = (size_ + 3) / 4 * 4; }

  std::array<char, 512> text_{};
  std::size_t size_ = 0;
};

struct World {
  World(RuntimeImage image, archive::Archive files)
      : probe(std::move(image)), archive(std::move(files)) {}
  RuntimeImage probe;
  archive::Archive archive;
  Services::Parts parts;
  std::optional<Services> services;
  std::optional<Services> others;
};

// Made by the first test of a guest, never taken down.
World* world = nullptr;

vm::VmoRef make_time_page(const ClockScale& clock) {
  auto page =
      vm::Vmo::create(vm::frames(), mem::kPageSize, mem::Permissions::read_only().for_user());
  if (!page) return nullptr;
  const abi::TimePage content = clock.page(0);
  std::memcpy((*page)->data(), &content, sizeof content);
  return std::move(*page);
}

World* make_world() {
  const handoff::BootInfo& info = *kernel::state().boot_info;
  const std::span<const std::byte> file(quoll_probe_start, quoll_probe_end);
  const auto physical = physical_of_constant(info, vm::frames().phys_map(), file);
  if (!physical) return nullptr;
  auto probe =
      RuntimeImage::open({vm::at_physical<const std::byte>(*physical), file.size()}, *physical);
  auto* const image = new (std::nothrow) ArchiveImage;
  if (!probe || image == nullptr) return nullptr;
  auto archive = archive::Archive::open(image->bytes());
  if (!archive) return nullptr;
  std::unique_ptr<World> made(new (std::nothrow) World(std::move(*probe), std::move(*archive)));
  if (!made) return nullptr;

  Services::Parts parts;
  parts.machine = {
      .now = []() noexcept { return exec::now(); },
      .random = [](std::span<std::byte> out) noexcept { random::fill(out); },
      .kick = [](unsigned hart) noexcept { exec::kick(hart); },
  };
  parts.clock = ClockScale(info.timebase_frequency, 0);
  parts.time_page = make_time_page(parts.clock);
  if (!parts.time_page) return nullptr;
  parts.archive = &made->archive;
  parts.runtime = &made->probe;
  made->parts = std::move(parts);
  made->services.emplace(made->parts);
  return made.release();
}

/// What the runtime's guests have instead of the probe's. Made once, never taken down.
struct RealWorld {
  RuntimeImage runtime;
  archive::Archive archive;
};
RealWorld* real_world = nullptr;

RealWorld* make_real_world() {
  const handoff::BootInfo& info = *kernel::state().boot_info;
  if (info.initrd.is_empty()) return nullptr;
  const std::span<const std::byte> file = embedded_runtime(false);
  const auto physical = physical_of_constant(info, vm::frames().phys_map(), file);
  if (!physical) return nullptr;
  auto runtime =
      RuntimeImage::open({vm::at_physical<const std::byte>(*physical), file.size()}, *physical);
  auto archive = archive::Archive::open(
      {vm::at_physical<const std::byte>(mem::PhysicalAddress(info.initrd.start)),
       info.initrd.size()});
  if (!runtime || !archive) return nullptr;
  return new (std::nothrow) RealWorld{std::move(*runtime), std::move(*archive)};
}

void make_real(Services::Parts& parts) {
  if (real_world == nullptr) real_world = make_real_world();
  EXPECT_TRUE(real_world != nullptr);
  if (real_world == nullptr) return;
  parts.runtime = &real_world->runtime;
  parts.archive = &real_world->archive;
}

bool has_world() {
  if (world == nullptr) {
    world = make_world();
    if (world != nullptr) set_services(&*world->services);
  }
  return world != nullptr;
}

}  // namespace

OtherServices::OtherServices(void (*change)(Services::Parts& parts)) {
  EXPECT_TRUE(has_world());
  Services::Parts parts = world->parts;
  change(parts);
  world->others.emplace(std::move(parts));
  set_services(&*world->others);
}

OtherServices::~OtherServices() {
  set_services(&*world->services);
}

RealRuntime::RealRuntime() : services_(make_real) {}

GuestRef RealRuntime::start(std::string_view path, const device::StandardStreams& streams) const {
  const auto module = services().archive().resolve(path);
  EXPECT_TRUE(module.has_value());
  if (!module) return {};
  GuestSpec spec;
  spec.name = path;
  spec.program = *module;
  spec.arguments = std::span(&path, 1);
  spec.streams = streams;
  auto started = quoll::guest::start(spec);
  EXPECT_TRUE(started.has_value());
  return started ? std::move(*started) : GuestRef();
}

void MemoryStream::feed(std::byte byte) noexcept {
  input_ = byte;
  has_input_.store(true);
  readers_.wake_all();
  if (device::Watcher* const watcher = watcher_.load()) watcher->changed(*watcher);
}

MemoryStream::Moved MemoryStream::read(std::span<std::byte> into, async::CancelToken token) {
  const auto waited = co_await readers_.wait_unless([this] { return has_input_.load(); }, token);
  if (!waited) co_return base::err(device::StreamError::kCancelled);
  into[0] = input_;
  has_input_.store(false);
  co_return std::size_t{1};
}

MemoryStream::Moved MemoryStream::write(std::span<const std::byte> from, async::CancelToken) {
  const std::size_t before = size_.load();
  // Few bytes at a time, so that writers have to go on.
  const std::size_t size = std::min({from.size(), std::size_t{7}, written_.size() - before});
  if (size == 0) co_return base::err(device::StreamError::kClosed);
  std::memcpy(written_.data() + before, from.data(), size);
  size_.store(before + size);
  co_return size;
}

void MemoryStream::watch(device::Watcher& watcher) noexcept {
  watcher_.store(&watcher);
}
void MemoryStream::unwatch(device::Watcher&) noexcept {
  watcher_.store(nullptr);
}

Hex::Hex(std::uint64_t value) noexcept
    : size_(log::format_to(std::span<char>(text_), "{:x}", value)) {}

GuestRef start_probe(const ProbeSpec& spec) {
  EXPECT_TRUE(has_world());
  const auto module = services().archive().resolve("module");
  const std::string_view arguments[] = {spec.action, spec.argument};
  GuestSpec guest;
  guest.name = spec.action;
  guest.program = *module;
  guest.arguments = std::span(arguments).first(spec.argument.empty() ? 1 : 2);
  guest.streams = spec.streams;
  guest.memory_limit = spec.memory_limit;
  auto started = start(guest);
  EXPECT_TRUE(started.has_value());
  return started ? std::move(*started) : GuestRef();
}

async::Task<GuestEnd> run_probe(ProbeSpec spec) {
  GuestEnd end;
  end.reason = EndReason::kInterrupted;
  const GuestRef guest = start_probe(spec);
  if (!guest) co_return end;
  if (co_await wait(*guest)) end = guest->end();
  co_return end;
}

async::Task<GuestEnd> run_probe_with(std::string_view action, std::uint64_t number) {
  const Hex text(number);
  co_return RUN_PROBE(action, text.text());
}

}  // namespace quoll::guest::tests
