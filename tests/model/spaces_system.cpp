// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "system.hpp"
namespace quoll::model {
const SystemInfo& spaces_system() {
  static const SystemInfo info{"spaces", {}, kTranslating, nullptr, 25, 800};
  return info;
}
}  // namespace quoll::model
