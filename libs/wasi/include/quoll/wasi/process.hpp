// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What one program has: arguments, environment, descriptors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/abi/limits.hpp>
#include <quoll/abi/types.hpp>
#include <quoll/wasi/errno.hpp>
#include <quoll/wasi/host.hpp>
#include <quoll/wasi/memory.hpp>
#include <quoll/wasi/types.hpp>

namespace quoll::wasi {

/// A directory that the program is given, and the path by which it knows it.
struct Preopen {
  abi::Handle handle = abi::kNoHandle;
  std::string_view name;
};

/// With what a program starts. What the spans refer to must outlive the process.
struct ProcessSpec {
  std::span<const std::string_view> arguments;
  std::span<const std::string_view> environment;
  std::array<abi::Handle, 3> streams{};  ///< input, output, errors; kNoHandle when not given
  std::span<const Preopen> preopens;
};

/// One open descriptor.
struct Descriptor {
  enum class Kind : std::uint8_t { kClosed, kStream, kFile, kDirectory };

  Kind kind = Kind::kClosed;
  std::uint16_t flags = 0;
  abi::Handle handle = abi::kNoHandle;
  std::uint64_t rights = 0;
  std::uint64_t inheriting = 0;
  std::uint64_t offset = 0;  ///< of a file, or the number of the preopen
  bool preopened = false;

  FileType file_type() const;
};

/// Arguments, environment and descriptors of one program.
///
/// *Context*: one thread. The host must outlive it; handles that are still open when the program
/// ends are the embedder's to close (a kernel closes them with the guest).
class Process {
 public:
  /// Descriptors 0 to 2 are the streams, 3 onwards the preopened directories.
  static constexpr std::uint32_t kMaxDescriptors = abi::kMaxHandles;

  Process(Host& host, const ProcessSpec& spec);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() = default;

  Host& host() { return host_; }
  std::span<const std::string_view> arguments() const { return spec_.arguments; }
  std::span<const std::string_view> environment() const { return spec_.environment; }
  std::uint64_t started_ns() const { return started_ns_; }

  /// The open descriptor of that number. *Errors*: kBadf.
  WasiResult<Descriptor*> descriptor(std::uint32_t number);
  /// As `descriptor`, of that kind and with those rights. *Errors*: kBadf; kSpipe or kIsdir for
  /// the wrong kind; kNotcapable for missing rights.
  WasiResult<Descriptor*> file(std::uint32_t number, std::uint64_t rights);
  WasiResult<Descriptor*> directory(std::uint32_t number, std::uint64_t rights);
  /// The name under which the directory was preopened. *Errors*: kBadf.
  WasiResult<std::string_view> preopen_name(std::uint32_t number);

  /// The lowest number that is free. *Errors*: kMfile.
  WasiResult<std::uint32_t> free_number() const;
  /// Makes `number`, which is free, stand for `descriptor`.
  void install(std::uint32_t number, const Descriptor& descriptor);
  /// Closes a descriptor; the handle beneath goes with the last descriptor that shares it.
  WasiResult<void> close(std::uint32_t number);

 private:
  Host& host_;
  ProcessSpec spec_;
  std::uint64_t started_ns_;
  std::array<Descriptor, kMaxDescriptors> descriptors_{};
};

}  // namespace quoll::wasi
