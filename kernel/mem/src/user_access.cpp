// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Readers and writers.
#include <algorithm>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/user_access.hpp>
#include <quoll/kernel/mem/vm_space.hpp>

namespace quoll::vm {

void UserCursor::advance(std::size_t size) noexcept {
  remaining_ -= size;
  // Behind the last byte of the half there may be no address.
  if (remaining_ > 0) at_ = at_ + size;
}

base::Result<std::size_t, NeedsPage> VmReader::read(void* to, std::size_t size) {
  const std::size_t wanted = std::min(size, remaining_);
  if (wanted == 0) return wanted;
  space_->activate();
  const std::size_t done = arch::UserMemory::copy_in(to, at_, wanted);
  advance(done);
  if (done < wanted) return base::err(NeedsPage{at_, mem::Access::kRead});
  return wanted;
}

base::Result<std::size_t, NeedsPage> VmWriter::write(const void* from, std::size_t size) {
  const std::size_t wanted = std::min(size, remaining_);
  if (wanted == 0) return wanted;
  space_->activate();
  const std::size_t done = arch::UserMemory::copy_out(at_, from, wanted);
  advance(done);
  if (done < wanted) return base::err(NeedsPage{at_, mem::Access::kWrite});
  return wanted;
}

}  // namespace quoll::vm
