// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// quoll-host-run: a WebAssembly program on the workstation.
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <quoll/wasi/run.hpp>
#include <quoll/wasm/memory_provider.hpp>

#include "posix_host.hpp"

namespace quoll::host_run {
namespace {

constexpr int kUsageStatus = 2;
constexpr int kNotFoundStatus = 127;
constexpr int kNotLoadedStatus = 126;
constexpr int kTrappedStatus = 134;
constexpr std::size_t kReadAtOnce = 65536;

struct Options {
  std::vector<wasi::Preopen> preopens;
  std::vector<std::string> directory_names;
  std::vector<std::string_view> environment;
  std::vector<std::string_view> arguments;  ///< the program first
};

int usage(const std::string& complaint) {
  std::fprintf(stderr,
               "quoll-host-run: %s\nusage: quoll-host-run [--dir HOST[::GUEST]]... "
               "[--env KEY=VALUE]... program.wasm [arguments...]\n",
               complaint.c_str());
  return kUsageStatus;
}

bool add_directory(PosixHost& host, Options& options, const std::string& value) {
  const std::size_t split = value.find("::");
  const std::string path = value.substr(0, split);
  options.directory_names.push_back(split == std::string::npos ? path : value.substr(split + 2));
  const abi::Handle handle = host.open_directory(path.c_str());
  options.preopens.push_back({.handle = handle, .name = {}});
  return handle != abi::kNoHandle;
}

// Returns a status when the command line is wrong.
std::optional<int> parse(PosixHost& host, Options& options, std::span<char*> words) {
  std::size_t at = 1;
  for (; at < words.size() && std::string_view(words[at]).starts_with("--"); at += 2) {
    const std::string option = words[at];
    if (option != "--dir" && option != "--env") return usage("unknown option " + option);
    if (at + 1 == words.size()) return usage(option + " needs a value");
    const std::string value = words[at + 1];
    if (option == "--env") {
      options.environment.push_back(words[at + 1]);
    } else if (!add_directory(host, options, value)) {
      return usage("no such directory: " + value);
    }
  }
  for (; at < words.size(); ++at) options.arguments.push_back(words[at]);
  if (options.arguments.empty()) return usage("no program given");
  for (std::size_t i = 0; i < options.preopens.size(); ++i) {
    options.preopens[i].name = options.directory_names[i];
  }
  return std::nullopt;
}

int status_of(const wasi::End& end) {
  switch (end.kind) {
    case abi::EndKind::kExited:
      return static_cast<int>(end.status & 0xff);
    case abi::EndKind::kTrapped:
      return kTrappedStatus;
    case abi::EndKind::kLoadFailed:
      return kNotLoadedStatus;
  }
  return kNotLoadedStatus;
}

// All of a file; nothing when there is none. In large pieces: where a small program is counted,
// reading character by character would be much of it.
std::optional<std::vector<std::uint8_t>> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) return std::nullopt;
  std::vector<std::uint8_t> content;
  std::size_t size = 0;
  std::size_t count = 0;
  do {
    size += count;
    content.resize(size + kReadAtOnce);
    count = std::fread(content.data() + size, 1, kReadAtOnce, file.get());
  } while (count > 0);
  content.resize(size);
  return content;
}

int main(std::span<char*> words) {
  std::signal(SIGPIPE, SIG_IGN);
  PosixHost host;
  Options options;
  if (const auto status = parse(host, options, words)) return *status;

  const std::string path(options.arguments.front());
  const auto module = read_file(path);
  if (!module) {
    std::fprintf(stderr, "quoll: %s: no such file\n", path.c_str());
    return kNotFoundStatus;
  }

  const wasm::EngineConfig engine{.memory = wasm::host_memory_provider()};
  const wasi::ProcessSpec process{
      .arguments = options.arguments,
      .environment = options.environment,
      .streams = {PosixHost::kInput, PosixHost::kOutput, PosixHost::kErrors},
      .preopens = options.preopens};
  return status_of(wasi::run({.host = host,
                              .engine = engine,
                              .process = process,
                              .module = *module,
                              .name = path.substr(path.rfind('/') + 1)}));
}

}  // namespace
}  // namespace quoll::host_run

int main(int count, char** words) {
  return quoll::host_run::main({words, static_cast<std::size_t>(count)});
}
