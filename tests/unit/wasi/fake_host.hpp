// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A system that exists only in the test: a tree of files, three streams, and a clock that moves
// when somebody waits for it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <quoll/wasi/functions.hpp>
#include <quoll/wasi/host.hpp>
#include <quoll/wasi/process.hpp>

namespace quoll::wasi::testing {

struct Node {
  bool is_directory = true;
  std::string content;
  std::map<std::string, std::unique_ptr<Node>> entries;
  std::uint64_t id = 0;
};

class FakeHost final : public Host {
 public:
  static constexpr abi::Handle kInput = 1;
  static constexpr abi::Handle kOutput = 2;
  static constexpr abi::Handle kErrors = 3;

  FakeHost();

  /// Adds a file, and the directories above it.
  void add_file(const std::string& path, const std::string& content);
  void add_directory(const std::string& path);
  abi::Handle open_root();
  std::size_t open_handles() const { return open_.size(); }

  std::string input;
  std::string output;
  std::string errors;
  std::size_t write_limit = SIZE_MAX;  ///< most bytes that one write takes
  std::size_t writes = 0;
  abi::Error write_error = abi::Error::kOk;
  bool output_closed = false;
  bool input_ready = true;
  std::uint64_t now_ns = 1'000'000;
  std::uint64_t calendar_offset_ns = 1'700'000'000'000'000'000;
  std::size_t yields = 0;
  std::size_t waits = 0;
  bool never_waited_for = false;  ///< somebody waited without a deadline for what is not ready

  HostResult<std::uint64_t> clock(abi::Clock clock) override;
  std::uint64_t clock_resolution() override { return 100; }
  HostResult<std::uint64_t> wait_many(std::span<abi::WaitItem> items,
                                      std::uint64_t deadline_ns) override;
  HostResult<std::size_t> stream_read(abi::Handle stream, std::span<std::byte> to) override;
  HostResult<std::size_t> stream_write(abi::Handle stream,
                                       std::span<const std::byte> from) override;
  HostResult<std::size_t> file_read(abi::Handle file, std::span<std::byte> to,
                                    std::uint64_t offset) override;
  HostResult<abi::Stat> handle_stat(abi::Handle handle) override;
  HostResult<void> handle_close(abi::Handle handle) override;
  HostResult<abi::Handle> directory_open(abi::Handle directory, std::string_view name) override;
  HostResult<std::size_t> directory_read(abi::Handle directory, std::uint64_t cookie,
                                         std::span<std::byte> to) override;
  HostResult<void> random(std::span<std::byte> to) override;
  void yield() override { ++yields; }

 private:
  Node& make(const std::string& path);

  Node root_;
  std::uint64_t next_id_ = 100;
  abi::Handle next_handle_ = 10;
  std::map<abi::Handle, Node*> open_;
};

/// A program's memory of one page, and calls by name.
class Program {
 public:
  static constexpr std::uint32_t kMemorySize = 65536;

  explicit Program(FakeHost& host, Dialect dialect = Dialect::kPreview1);

  /// Calls a function by its name.
  Errno call(std::string_view name, std::initializer_list<std::uint64_t> arguments);

  std::uint32_t u32(std::uint32_t address) const { return load<std::uint32_t>(address); }
  std::uint64_t u64(std::uint32_t address) const { return load<std::uint64_t>(address); }
  template <typename T>
  T load(std::uint32_t address) const {
    return base::load_le<T>(memory.data() + address);
  }
  template <typename T>
  void store(std::uint32_t address, std::type_identity_t<T> value) {
    base::store_le<T>(memory.data() + address, value);
  }
  void put(std::uint32_t address, std::string_view text);
  std::string text(std::uint32_t address, std::size_t length) const;

  /// Opens a path below descriptor 3 for reading.
  Errno open(std::string_view path, std::uint32_t& number, std::uint32_t open_flags = 0,
             std::uint64_t rights = ~right::kFdWrite, std::uint32_t directory = 3);

  std::vector<std::byte> memory;
  std::optional<std::uint32_t> exit_status;
  std::vector<std::string_view> arguments{"prog", "", "two"};
  std::vector<std::string_view> environment{"A=1"};
  std::vector<Preopen> preopens;
  std::unique_ptr<Process> process;
  Dialect dialect;
};

}  // namespace quoll::wasi::testing
