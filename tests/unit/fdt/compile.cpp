// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "compile.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace quoll::test {

Blob::Blob(const std::string& bytes)
    : size_(bytes.size()), memory_(new unsigned char[bytes.size() + 1]) {
  std::memcpy(memory_.get(), bytes.data(), bytes.size());
}

Blob Blob::prefix(std::size_t size) const {
  return Blob(std::string(static_cast<const char*>(data()), size));
}

std::optional<Blob> compile_tree_file(const std::string& path) {
  const std::string command = "dtc -q -I dts -O dtb '" + path + "' 2>/dev/null";
  std::FILE* stream = ::popen(command.c_str(), "r");
  if (stream == nullptr) return std::nullopt;
  std::string bytes;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, stream)) {
    bytes.append(buffer, count);
  }
  if (::pclose(stream) != 0 || bytes.empty()) return std::nullopt;
  return Blob(bytes);
}

std::optional<Blob> compile_tree(const std::string& source) {
  char path[] = "/tmp/quoll-tree-XXXXXX";
  const int file = ::mkstemp(path);
  if (file < 0) return std::nullopt;
  ::close(file);
  std::ofstream(path) << source;
  auto blob = compile_tree_file(path);
  std::remove(path);
  return blob;
}

}  // namespace quoll::test
