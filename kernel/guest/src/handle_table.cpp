// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/kernel/guest/handle_table.hpp>

namespace quoll::guest {

using base::err;

base::Result<abi::Handle, abi::Error> HandleTable::open(const OpenObject& object) {
  // A full prefix is the common case only for guests with many files; 256 slots are few.
  for (std::size_t i = 0; count_ < slots_.size() && i < slots_.size(); ++i) {
    if (slots_[i].used) continue;
    slots_[i] = Slot{object, true};
    ++count_;
    return static_cast<abi::Handle>(i + 1);
  }
  if (slots_.size() == abi::kMaxHandles) return err(abi::Error::kNoHandles);
  if (!slots_.try_push_back(Slot{object, true})) return err(abi::Error::kNoMemory);
  ++count_;
  return static_cast<abi::Handle>(slots_.size());
}

base::Result<OpenObject, abi::Error> HandleTable::find(std::uint64_t handle) const {
  if (handle == abi::kNoHandle || handle > slots_.size() || !slots_[handle - 1].used) {
    return err(abi::Error::kBadHandle);
  }
  return slots_[handle - 1].object;
}

base::Result<OpenObject, abi::Error> HandleTable::find(std::uint64_t handle, abi::ObjectKind kind,
                                                       std::uint32_t rights) const {
  const OpenObject object = TRY(find(handle));
  if (object.kind != kind) return err(abi::Error::kBadHandle);
  if ((object.rights & rights) != rights) return err(abi::Error::kDenied);
  return object;
}

}  // namespace quoll::guest
