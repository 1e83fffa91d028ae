// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Linear memories from the workstation's virtual memory.
#include <sys/mman.h>

#include <quoll/wasm/memory_provider.hpp>

namespace quoll::wasm {

MemoryProvider host_memory_provider() noexcept {
  MemoryProvider provider;
  provider.reserve = [](void*, std::uint64_t bytes) -> std::uint8_t* {
    void* base =
        mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? nullptr : static_cast<std::uint8_t*>(base);
  };
  provider.commit = [](void*, std::uint8_t* base, std::uint64_t old_bytes,
                       std::uint64_t new_bytes) {
    return mprotect(base + old_bytes, new_bytes - old_bytes, PROT_READ | PROT_WRITE) == 0;
  };
  provider.release = [](void*, std::uint8_t* base, std::uint64_t bytes) {
    (void)munmap(base, bytes);
  };
  return provider;
}

}  // namespace quoll::wasm
