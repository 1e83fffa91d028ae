// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Finding the interrupt controller and its contexts in the device tree.
#include "controller.hpp"

#include <new>
#include <optional>
#include <span>

#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/riscv/csr.hpp>
#include <quoll/sync/once.hpp>

namespace quoll::irq {
namespace {

constexpr std::uint32_t kSupervisorExternal = 9;

constinit sync::OnceCell<MachineRouter> router_cell;
// What is in the cell: set before there is any interrupt, it needs no check.
constinit MachineRouter* the_router = nullptr;
constinit std::uint32_t controller_phandle = 0;

/// The hart whose local interrupt controller has this phandle.
std::optional<unsigned> hart_of(const fdt::DeviceTree& tree, std::uint32_t phandle) noexcept {
  for (fdt::Walk walk(tree); walk.next();) {
    if (walk.depth() == 0 || walk.node().phandle() != phandle) continue;
    const auto reg = walk.parent().property("reg");
    if (!reg) return std::nullopt;
    const auto id = reg->as_number();
    for (unsigned hart = 0; id && hart < arch::Harts::count(); ++hart) {
      if (arch::Harts::hardware_id(hart) == *id) return hart;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

/// `interrupts-extended` lists each context's local controller and the interrupt it raises there.
/// `counts` are for the sources of one hart after another.
void find_contexts(const fdt::DeviceTree& tree, fdt::Node node, MachineRouter& out,
                   std::atomic<std::uint64_t>* counts) noexcept {
  const std::size_t sources = std::size_t{out.source_count()} + 1;
  const auto property = node.property("interrupts-extended");
  if (!property) return;
  fdt::Cells cells = property->as_cells();
  for (std::uint32_t context = 0; cells.size() >= 2; ++context) {
    const auto phandle = cells.take(1);
    const auto interrupt = cells.take(1);
    if (!phandle || interrupt != kSupervisorExternal) continue;
    const auto hart = hart_of(tree, static_cast<std::uint32_t>(*phandle));
    if (hart) out.set_context(*hart, context, {counts + *hart * sources, sources});
  }
}

base::Result<void, IrqError> start_controller(fdt::Walk& walk,
                                              const fdt::DeviceTree& tree) noexcept {
  const fdt::Node node = walk.node();
  const auto reg = walk.reg();
  const auto sources = node.u32("riscv,ndev");
  const auto phandle = node.phandle();
  if (!reg || !sources || !phandle) return base::err(IrqError::kNoController);
  const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(reg->address), reg->size);
  if (!range) return base::err(IrqError::kNoController);
  const auto window = vm::kernel_space().map_device(*range);
  if (!window) return base::err(IrqError::kNoController);
  const MachineRouter::Plic plic(arch::MmioWindow(*window), *sources);
  const std::size_t count = std::size_t{plic.sources()} + 1;
  auto* const records = new (std::nothrow) MachineRouter::Source[count];
  auto* const counts =
      new (std::nothrow) std::atomic<std::uint64_t>[count * arch::Harts::count()]();
  if (records == nullptr || counts == nullptr) return base::err(IrqError::kNoController);
  the_router = &router_cell.emplace(plic, std::span(records, count));
  controller_phandle = *phandle;
  find_contexts(tree, node, *the_router, counts);
  the_router->open(arch::Harts::id());
  return {};
}

}  // namespace

MachineRouter* router() noexcept {
  return the_router;
}

base::Result<void, IrqError> start(const fdt::DeviceTree& tree) noexcept {
  ipi::start();
  for (fdt::Walk walk(tree); walk.next();) {
    const fdt::Node node = walk.node();
    if (!node.is_compatible("sifive,plic-1.0.0") && !node.is_compatible("riscv,plic0")) continue;
    if (walk.is_available()) return start_controller(walk, tree);
  }
  return base::err(IrqError::kNoController);
}

void start_hart() noexcept {
  if (the_router != nullptr) the_router->open(arch::Harts::id());
  ipi::start_hart();
  arch::Interrupts::enable_sources(riscv::interrupt_bit::kSoftware |
                                   riscv::interrupt_bit::kExternal);
}

base::Result<std::uint32_t, IrqError> source_of(fdt::Walk& device) noexcept {
  if (the_router == nullptr) return base::err(IrqError::kNoController);
  const auto parent = device.interrupt_parent();
  if (!parent || parent->phandle() != controller_phandle) {
    return base::err(IrqError::kNoController);
  }
  const auto property = device.node().property("interrupts");
  if (!property) return base::err(IrqError::kBadSource);
  fdt::Cells cells = property->as_cells();
  const auto source = cells.take(1);
  if (!source || !the_router->is_source(static_cast<std::uint32_t>(*source))) {
    return base::err(IrqError::kBadSource);
  }
  return static_cast<std::uint32_t>(*source);
}

}  // namespace quoll::irq
