// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Device trees for tests, compiled from source by dtc.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace quoll::test {

/// A blob in memory of its own, aligned as a tree must be, with nothing readable behind it.
class Blob {
 public:
  explicit Blob(const std::string& bytes);
  /// A copy of the first `size` bytes.
  Blob prefix(std::size_t size) const;
  void* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }
  unsigned char& operator[](std::size_t at) const { return memory_[at]; }

 private:
  std::size_t size_;
  std::unique_ptr<unsigned char[]> memory_;
};

/// Compiles the source text; nothing when there is no dtc (the caller skips).
std::optional<Blob> compile_tree(const std::string& source);
/// The same for a file.
std::optional<Blob> compile_tree_file(const std::string& path);

}  // namespace quoll::test
