// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "system.hpp"
namespace quoll::model {
const SystemInfo& cursors_system() {
  static const SystemInfo info{"cursors", {}, kTranslating, nullptr, 25, 800};
  return info;
}
}  // namespace quoll::model
