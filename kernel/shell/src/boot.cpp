// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <atomic>
#include <memory>
#include <new>

#include <quoll/archive/archive.hpp>
#include <quoll/async/cancel.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/device/start.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/guest/run_description.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/guest/start.hpp>
#include <quoll/kernel/shell/boot.hpp>
#include <quoll/kernel/shell/shell.hpp>

#include "kernel_host.hpp"
#include "log_target.hpp"
#include "machine.hpp"

namespace quoll::shell {
namespace {

using guest::status::kKernelStopped;
using guest::status::kNotFound;
using guest::status::kNotLoaded;

constexpr std::string_view kRunDescription = "quoll/run";

/// Ctrl-C was pressed: what had not started yet does not start.
constinit std::atomic<bool> interrupted{false};
/// Ctrl-C was pressed while the last output was on its way.
[[clang::no_destroy]] constinit async::CancelSource output_given_up;

async::Task<base::Result<void, device::StreamError>> say(std::string_view text) {
  device::ByteStream* const error = device::streams().error;
  if (error == nullptr) co_return {};
  std::span<const std::byte> rest = std::as_bytes(std::span(text));
  while (!rest.empty()) {
    const auto written = co_await error->write(rest);
    if (!written) co_return base::err(written.error());
    rest = rest.subspan(*written);
  }
  co_return {};
}

// One line about the program that could not be started, where its own messages would go.
async::Task<base::Result<void, device::StreamError>> complain(std::string_view program,
                                                              std::string_view what) {
  char text[256];
  const std::size_t size = log::format_to(text, "quoll: {}: {}\n", program, what);
  co_return co_await say({text, size});
}

// The directories of a description, found in the archive.
base::Result<containers::Vector<guest::Preopen>, std::string_view> find_preopens(
    const archive::Archive& archive, const guest::RunDescription& run) {
  containers::Vector<guest::Preopen> preopens;
  for (const guest::DirectoryGrant& grant : run.directories) {
    const auto found = archive.resolve(grant.archive_path);
    if (!found || archive.node(*found).kind != archive::NodeKind::kDirectory) {
      return base::err(grant.guest_name);
    }
    if (!preopens.try_push_back(guest::Preopen{*found, grant.guest_name})) {
      return base::err(grant.guest_name);
    }
  }
  return preopens;
}

using Status = async::Task<base::Result<std::uint8_t, device::StreamError>>;

// Program mode: one guest, whose end is the machine's.
Status run_program(archive::NodeId description) {
  const archive::Archive& archive = guest::services().archive();
  const std::span<const std::byte> bytes = archive.node(description).data;
  // SAFETY: char may alias any object.
  const auto run =
      guest::parse_run_description({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!run) {
    log::error(kTarget, "the run description of the boot archive has {}",
               guest::to_string(run.error()));
    co_return kKernelStopped;
  }
  const std::string_view name = run->arguments.empty() ? run->program : run->arguments[0];
  const auto program = archive.resolve(run->program);
  if (!program) {
    (void)co_await complain(name, "no such file");
    co_return kNotFound;
  }
  const auto preopens = find_preopens(archive, *run);
  if (!preopens) {
    (void)co_await complain(preopens.error(), "no such directory");
    co_return kNotFound;
  }

  guest::GuestSpec spec;
  spec.name = name;
  spec.program = *program;
  spec.arguments = run->arguments.span();
  spec.environment = run->environment.span();
  spec.preopens = preopens->span();
  spec.streams = guest::services().streams();
  const auto started = guest::start(spec);
  if (!started) {
    (void)co_await complain(name, guest::to_string(started.error()));
    co_return kNotLoaded;
  }
  guest::set_foreground(*started);
  if (interrupted.load()) (*started)->kill();
  (void)co_await guest::wait(**started);
  guest::set_foreground({});
  co_return (*started)->end().status();
}

Status run_prompt() {
  const device::StandardStreams streams = guest::services().streams();
  const auto host = std::unique_ptr<KernelHost>(new (std::nothrow) KernelHost);
  const auto shell = std::unique_ptr<Shell>(
      host ? new (std::nothrow) Shell(*host, *streams.input, *streams.output) : nullptr);
  if (!shell) {
    log::error(kTarget, "no memory for the prompt");
    co_return kKernelStopped;
  }
  co_return co_await shell->serve();
}

Status run_what_is_asked() {
  const auto description = guest::services().archive().resolve(kRunDescription);
  if (description) co_return co_await run_program(*description);
  co_return co_await run_prompt();
}

}  // namespace

async::Task<void> boot_task(const handoff::BootInfo& info) {
  std::uint8_t status = kKernelStopped;
  device::set_interrupt_handler([] {
    interrupted.store(true);
    guest::interrupt_foreground();
  });
  if (set_up_guests(info)) {
    const auto result = co_await run_what_is_asked();
    if (result) {
      status = *result;
    } else {
      log::error(kTarget, "the standard streams failed");
    }
  }
  // Guests in the background would write on for ever.
  (void)co_await guest::end_all().checked();
  device::set_interrupt_handler([] { output_given_up.cancel(); });
  (void)co_await device::write_trace(output_given_up).checked();
  (void)co_await device::flush(output_given_up).checked();
  if (output_given_up.cancelled()) status = guest::status::kInterrupted;
  device::power_off(status);
}

}  // namespace quoll::shell
