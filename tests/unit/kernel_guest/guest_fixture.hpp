// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A guest on the emulated machine: real address space, real handles, an archive with a few files,
// and no user mode. Tests put a call into its registers and look at what comes back.
#pragma once

#include <cstdio>
#include <cstring>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

#include <quoll/abi/syscall.hpp>
#include <quoll/arch/mock/machine.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>
#include <quoll/kernel/mem/user_copy.hpp>

#include "call.hpp"
#include "dispatch.hpp"
#include "fake_stream.hpp"
#include "fault.hpp"
#include "wait.hpp"

namespace quoll::guest {

inline std::uint64_t fake_now = 0;
inline std::string fake_kicks;

/// A cpio image with these files.
inline std::vector<std::byte> pack(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string bytes;
  const auto add = [&bytes](const std::string& path, unsigned mode, const std::string& data) {
    char header[111];
    std::snprintf(header, sizeof header,
                  "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 1u, mode, 0u, 0u,
                  1u, 5u, data.size(), 0u, 0u, 0u, 0u, path.size() + 1, 0u);
    bytes.append(header, 110);
    bytes += path + '\0';
    bytes.resize((bytes.size() + 3) / 4 * 4);
    bytes += data;
    bytes.resize((bytes.size() + 3) / 4 * 4);
  };
  for (const auto& [path, data] : files) add(path, 0100644, data);
  add("TRAILER!!!", 0, "");
  const auto span = std::as_bytes(std::span(bytes));
  return {span.begin(), span.end()};
}

class GuestTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kMemory = std::uint64_t{32} << 20;
  static constexpr std::uint64_t kLimit = std::uint64_t{4} << 20;

  GuestTest()
      : machine_({mem::PhysicalRange(mem::PhysicalAddress(0x8000'0000), kMemory)}, 2),
        image_(pack({{"dir/a", "alpha"},
                     {"dir/b", ""},
                     {"dir/c/d", "deep"},
                     {"hello.wasm", "0123456789"}})),
        archive_(*archive::Archive::open(image_)) {
    EXPECT_TRUE(frames_.init(machine_.phys_map(), machine_.ram()).has_value());
    root_ = *frames_.allocate_zeroed();
    const riscv::Sv format(riscv::PagingMode::kSv39);
    kernel_.emplace(format, root_.address(),
                    mem::VirtualRange(mem::VirtualAddress(0xffff'ffe0'0000'0000), 1 << 20),
                    frames_);
    Services::Parts parts;
    parts.machine = {
        .now = []() noexcept { return fake_now; },
        .random =
            [](std::span<std::byte> out) noexcept { std::memset(out.data(), 0xab, out.size()); },
        .kick = [](unsigned) noexcept {}};
    parts.archive = &archive_;
    parts.clock = ClockScale(10'000'000, 100);
    parts.streams = {&in_, &out_, &err_};
    services_.emplace(std::move(parts));
    set_services(&*services_);
    fake_now = 100;
    make_guest();
  }
  ~GuestTest() override {
    guest_ = {};
    set_services(nullptr);
  }

  void make_guest() {
    vm::SpaceLimits limits;
    limits.committed_pages = kLimit / abi::kPageSize;
    auto space = vm::AddressSpace::create(*kernel_, limits);
    ASSERT_TRUE(space.has_value());
    guest_ = GuestRef::adopt(new Guest("test", 1, std::move(*space), kLimit));
    const auto buffer = guest_->space().map_anonymous(vm::Placement::anywhere(), kBufferSize,
                                                      mem::Permissions::read_write().for_user());
    ASSERT_TRUE(buffer.has_value());
    buffer_ = buffer->start().value();
    guest_->space().activate();
  }

  /// Puts a call into the registers.
  void prepare(std::uint64_t number, std::initializer_list<std::uint64_t> arguments) {
    auto& x = guest_->context().x;
    for (std::size_t i = 10; i < 17; ++i) x[i] = 0xdead;
    std::size_t at = arch::kRegA0;
    for (const std::uint64_t argument : arguments) x[at++] = argument;
    x[arch::kRegA7] = number;
  }
  /// A call that returns at once.
  CallResult call(abi::Syscall number, std::initializer_list<std::uint64_t> arguments) {
    prepare(static_cast<std::uint64_t>(number), arguments);
    GuestEnd end;
    EXPECT_EQ(dispatch(*guest_, end), Next::kResume);
    return result();
  }
  CallResult result() {
    const auto& x = guest_->context().x;
    return {static_cast<abi::Error>(x[arch::kRegA0]), x[arch::kRegA1]};
  }
  void poke(std::uint64_t address, const void* from, std::size_t size) {
    ASSERT_TRUE(
        vm::copy_to_user(guest_->space(), mem::VirtualAddress(address), from, size).has_value());
  }
  void peek(void* to, std::uint64_t address, std::size_t size) {
    ASSERT_TRUE(
        vm::copy_from_user(guest_->space(), to, mem::VirtualAddress(address), size).has_value());
  }
  std::string peek_string(std::uint64_t address, std::size_t size) {
    std::string text(size, '\0');
    peek(text.data(), address, size);
    return text;
  }
  std::uint64_t poke_string(const std::string& text) {
    poke(buffer_ + kBufferSize - 512, text.data(), text.size());
    return buffer_ + kBufferSize - 512;
  }
  abi::Handle open(const char* path) {
    const auto node = archive_.resolve(path);
    return *guest_->handles().open(OpenObject::of_node(archive_.node(*node).kind, *node));
  }
  abi::Handle open_stream(device::ByteStream& stream, std::uint32_t rights) {
    return *guest_->handles().open(OpenObject::of_stream(stream, rights));
  }

  static constexpr std::uint64_t kBufferSize = std::uint64_t{256} * 1024;
  /// Addresses that are never the guest's.
  static constexpr std::uint64_t kWild[] = {
      0, 8, 0xfff, 0x3f'ffff'f000, 0x4000'0000'0000, 0xffff'ffc0'0000'0000, ~std::uint64_t{0} - 7};

  arch::mock::Machine machine_;
  vm::FrameAllocator frames_;
  vm::Frame root_;
  std::optional<vm::KernelSpace> kernel_;
  std::vector<std::byte> image_;
  archive::Archive archive_;
  test::FakeStream in_, out_, err_;
  std::optional<Services> services_;
  GuestRef guest_;
  std::uint64_t buffer_ = 0;
};

}  // namespace quoll::guest
