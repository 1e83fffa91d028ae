// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The suite's files in the boot archive, by the handle of their folder.
#pragma once

#include <string>
#include <vector>

#include <quoll/abi/types.hpp>

#include "../script.hpp"

namespace quoll::spec {

/// *Context*: one thread, in user mode.
class ArchiveFiles : public Files {
 public:
  explicit ArchiveFiles(abi::Handle folder) : folder_(folder) {}
  bool read(const std::string& path, std::vector<std::uint8_t>& out) const override;

 private:
  abi::Handle folder_;
};

}  // namespace quoll::spec
