// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <atomic>
#include <memory>
#include <new>

#include <quoll/abi/limits.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/containers/vector.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/guest/start.hpp>
#include <quoll/kernel/guest/start_block.hpp>
#include <quoll/kernel/mem/init.hpp>

#include "load.hpp"
#include "registry.hpp"
#include "thread.hpp"

namespace quoll::guest {
namespace {

using base::err;

std::atomic<std::uint64_t> next_id{1};

// The handles of a new guest, in the order in which it finds them.
struct FirstHandles {
  abi::StartBlock block{};
  containers::Vector<PreopenName> preopens;
};

base::Result<abi::Handle, abi::Error> open_stream(HandleTable& handles, device::ByteStream* stream,
                                                  std::uint32_t rights) {
  if (stream == nullptr) return abi::kNoHandle;
  return handles.open(OpenObject::of_stream(*stream, rights));
}

base::Result<FirstHandles, abi::Error> open_first_handles(HandleTable& handles,
                                                          const GuestSpec& spec) {
  FirstHandles first;
  first.block.stdin_stream = TRY(open_stream(handles, spec.streams.input, abi::rights::kRead));
  first.block.stdout_stream = TRY(open_stream(handles, spec.streams.output, abi::rights::kWrite));
  first.block.stderr_stream = TRY(open_stream(handles, spec.streams.error, abi::rights::kWrite));
  first.block.module =
      TRY(handles.open(OpenObject::of_node(archive::NodeKind::kFile, spec.program)));
  for (const Preopen& preopen : spec.preopens) {
    const abi::Handle handle =
        TRY(handles.open(OpenObject::of_node(archive::NodeKind::kDirectory, preopen.directory)));
    if (!first.preopens.try_push_back(PreopenName{handle, preopen.name})) {
      return err(abi::Error::kNoMemory);
    }
  }
  return first;
}

StartError space_failure(vm::SpaceError) {
  return StartError::kOutOfMemory;
}
StartError handle_failure(abi::Error error) {
  return error == abi::Error::kNoHandles ? StartError::kTooManyHandles : StartError::kOutOfMemory;
}

// The module's pages, which all guests of it share.
base::Result<FileUse, vm::SpaceError> use_module(std::span<const std::byte> module) {
  vm::FrameAllocator& frames = vm::frames();
  // What is not in the physical map has no pages to share; nothing like that is in an archive.
  const mem::VirtualRange range(mem::address_of(module.data()), module.size());
  if (!frames.phys_map().virtual_range().contains(range)) return err(vm::SpaceError::kOutOfRange);
  const mem::PhysicalAddress start = frames.phys_map().physical(module.data());
  return use_file(frames, mem::PhysicalRange(start, module.size()));
}

// Everything in the guest's memory, and the registers that it starts with.
base::Result<void, StartError> prepare(Guest& guest, const GuestSpec& spec) {
  auto first = TRY(open_first_handles(guest.handles(), spec).transform_error(handle_failure));
  const StartStrings strings{spec.name, spec.arguments, spec.environment, first.preopens.span()};
  const auto size = start_block_size(strings);
  if (!size) return err(StartError::kTooManyArguments);

  vm::AddressSpace& space = guest.space();
  const RuntimeImage& image = spec.image != nullptr ? *spec.image : services().runtime();
  TRY(load_image(space, image).transform_error(space_failure));
  FirstContents contents{services().time_page(), nullptr, *size};
  const std::span<const std::byte> module = services().archive().node(spec.program).data;
  if (!module.empty()) {
    FileUse file = TRY(use_module(module).transform_error(space_failure));
    contents.module_pages = file.pages();
    guest.set_module(std::move(file));
  }
  const FirstMappings mapped = TRY(map_first(space, contents).transform_error(space_failure));
  guest.settle(mapped.stack.start());

  first.block.time_page = mapped.time_page.value();
  first.block.stack_low = mapped.stack.start().value();
  first.block.stack_high = mapped.stack.end().value();
  first.block.address_space_end = space.bounds().end().value();
  first.block.memory_limit = guest.memory_limit();
  first.block.features = services().features();
  first.block.module_address = mapped.module_start.value();
  first.block.module_bytes = module.size();
  first.block.backtrace = services().backtrace();
  first.block.memory_plan = guest.memory_plan();
  const auto bytes = std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[*size]);
  if (!bytes) return err(StartError::kOutOfMemory);
  write_start_block({bytes.get(), *size}, first.block, strings);
  TRY(fill_constant(space, mapped.start_block, {bytes.get(), *size})
          .transform_error(space_failure));

  guest.context().pc = image.entry();
  guest.context().x[arch::kRegSp] = mapped.stack.end().value();
  guest.context().x[arch::kRegA0] = mapped.start_block.start().value();
  return {};
}

// What a guest may use. Page tables and region records are the kernel's memory on the guest's
// behalf: enough for any memory that it can commit, however it is spread, and not without bound.
vm::SpaceLimits limits_for(std::uint64_t memory_limit) {
  constexpr std::uint64_t kPagesPerTable = 64;
  constexpr std::uint64_t kTablesAtLeast = 512;
  constexpr std::uint64_t kRegions = 4096;
  vm::SpaceLimits limits;
  limits.committed_pages = memory_limit / abi::kPageSize;
  limits.page_tables = kTablesAtLeast + limits.committed_pages / kPagesPerTable;
  limits.regions = kRegions;
  return limits;
}

}  // namespace

std::uint64_t default_memory_limit() noexcept {
  // An eighth stays for the kernel's own needs on the guest's behalf, and for its neighbours.
  const std::uint64_t free = vm::frames().available_frames() * abi::kPageSize;
  return base::align_down(free - free / 8, abi::kPageSize);
}

base::Result<GuestRef, StartError> start(const GuestSpec& spec) {
  if (services().archive().node(spec.program).kind != archive::NodeKind::kFile) {
    return err(StartError::kNotAFile);
  }
  const std::uint64_t limit = spec.memory_limit != 0 ? spec.memory_limit : default_memory_limit();
  auto space = TRY(
      vm::AddressSpace::create(vm::kernel_space(), limits_for(limit), services().placement_seed())
          .transform_error(space_failure));
  const std::uint64_t id = next_id.fetch_add(1, std::memory_order_relaxed);
  GuestRef guest =
      GuestRef::adopt(new (std::nothrow) Guest(spec.name, id, std::move(space), limit));
  if (!guest) return err(StartError::kOutOfMemory);
  guest->set_error_stream(spec.streams.error);
  TRY(prepare(*guest, spec));

  add_to_registry(*guest);
  auto task = exec::spawn(run_thread(guest), "guest");
  if (!task) {
    remove_from_registry(*guest);
    return err(StartError::kOutOfMemory);
  }
  task->detach();
  return guest;
}

async::Task<void> end_all() {
  while (const GuestRef guest = oldest_guest()) {
    guest->kill();
    if (!co_await wait(*guest)) co_return;
  }
}

const char* to_string(StartError error) noexcept {
  switch (error) {
    case StartError::kOutOfMemory:
      return "out of memory";
    case StartError::kTooManyArguments:
      return "too many arguments";
    case StartError::kTooManyHandles:
      return "too many directories";
    case StartError::kNotAFile:
      return "not a file";
  }
  return "unknown error";
}

}  // namespace quoll::guest
