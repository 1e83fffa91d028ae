// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The virtio console with several ports (virtio 1.2, section 5.3): byte streams by name.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/drivers/mmio.hpp>
#include <quoll/drivers/virtio_mmio.hpp>
#include <quoll/drivers/virtqueue.hpp>

namespace quoll::drivers {

/// Why a port moves no bytes now.
enum class PortError : std::uint8_t {
  kWouldBlock,  ///< nothing has come, or there is no room: wait for the next event
  kClosed,      ///< the host has closed its side; nobody reads
  kFailed,      ///< the device misbehaved on this port
};

/// Memory for queues and buffers, never given back.
template <typename D>
concept DmaSource = requires(D source, std::size_t size) {
  /// Zeroed, aligned to a page; `bytes` is null when there is none.
  { source.allocate(size) } -> std::same_as<DmaRegion>;
};

/// One device. Ports are indexed by the device's own numbers below `port_count()`.
template <Mmio M>
class VirtioConsole {
 public:
  static constexpr std::uint32_t kMaxPorts = 16;
  static constexpr std::size_t kMaxName = 31;
  static constexpr std::uint16_t kQueueSize = 8;
  static constexpr std::uint32_t kReceiveBuffer = 512;
  static constexpr std::uint32_t kTransmitBuffer = 2048;
  static constexpr std::uint16_t kTransmitSlots = 4;

  explicit VirtioConsole(M window) noexcept : transport_(window) {}
  VirtioConsole(const VirtioConsole&) = delete;
  VirtioConsole& operator=(const VirtioConsole&) = delete;

  /// Brings the device up; ports appear with later `handle_events`.
  template <DmaSource D>
  base::Result<void, VirtioError> start(D& dma) noexcept {
    TRY(transport_.negotiate(virtio::kFeatureVersion1 | kFeatureMultiport));
    port_count_ = std::min(transport_.read_config32(4), kMaxPorts);
    const std::size_t queues = 2 + 2 * std::size_t{port_count_};
    const DmaRegion rings = dma.allocate(queues * Queue::kBytes + 2 * kControlBytes);
    if (rings.bytes == nullptr) return out_of_memory();
    std::size_t used = 0;
    const auto carve = [&rings, &used](std::size_t size) {
      const DmaRegion part{rings.bytes + used, rings.bus_address + used, size};
      used += size;
      return part;
    };
    control_receive_ = Queue(carve(Queue::kBytes));
    control_transmit_ = Queue(carve(Queue::kBytes));
    for (std::uint32_t i = 0; i < port_count_; ++i) {
      ports_[i].receive = Queue(carve(Queue::kBytes));
      ports_[i].transmit = Queue(carve(Queue::kBytes));
    }
    control_in_ = carve(kControlBytes);
    control_out_ = carve(kControlBytes);
    TRY(transport_.set_up_queue(kControlReceive, kQueueSize, control_receive_));
    TRY(transport_.set_up_queue(kControlTransmit, kQueueSize, control_transmit_));
    for (std::uint32_t i = 0; i < port_count_; ++i) {
      TRY(transport_.set_up_queue(receive_index(i), kQueueSize, ports_[i].receive));
      TRY(transport_.set_up_queue(transmit_index(i), kQueueSize, ports_[i].transmit));
    }
    transport_.set_driver_ok();
    for (std::uint16_t slot = 0; slot < kQueueSize; ++slot) submit_control_in(slot);
    transport_.notify(kControlReceive);
    send_control(0, kDeviceReady, 1);
    return {};
  }

  /// Takes in all that the device has said. The result has a bit for each port on which
  /// something may have changed.
  std::uint32_t handle_events() noexcept {
    (void)transport_.acknowledge_interrupt();
    std::uint32_t changed = take_control();
    for (std::uint32_t i = 0; i < port_count_; ++i) {
      if (take_port(ports_[i])) changed |= std::uint32_t{1} << i;
    }
    return changed;
  }

  std::uint32_t port_count() const noexcept { return port_count_; }
  /// The control queues broke: no port will open or close any more.
  bool control_failed() const noexcept { return control_failed_; }
  std::string_view port_name(std::uint32_t port) const noexcept {
    return {ports_[port].name.data(), ports_[port].name_size};
  }
  /// Opens our side of a port that has a name. *Errors*: `kFailed` when there is no memory.
  template <DmaSource D>
  base::Result<void, PortError> open(std::uint32_t index, D& dma) noexcept {
    Port& port = ports_[index];
    if (port.opened) return {};
    const DmaRegion buffers = dma.allocate(std::size_t{kQueueSize} * kReceiveBuffer +
                                           std::size_t{kTransmitSlots} * kTransmitBuffer);
    if (buffers.bytes == nullptr) return base::err(PortError::kFailed);
    port.buffers = buffers;
    port.opened = true;
    for (std::uint16_t slot = 0; slot < kQueueSize; ++slot) submit_receive(port, slot);
    send_control(index, kPortOpen, 1);
    return {};
  }

  /// Whether the host has its side open.
  bool host_open(std::uint32_t port) const noexcept { return ports_[port].host_open; }

  /// Takes bytes that have come. 0: end of file. A buffer goes back to the device when it is
  /// empty, and not before.
  base::Result<std::size_t, PortError> read(std::uint32_t index,
                                            std::span<std::byte> into) noexcept {
    Port& port = ports_[index];
    if (into.empty()) return std::size_t{0};
    std::size_t moved = 0;
    bool refilled = false;
    while (moved < into.size() && port.ready_count != 0) {
      Ready& ready = port.ready[port.ready_first];
      const std::size_t size =
          std::min(into.size() - moved, std::size_t{ready.length - ready.taken});
      std::memcpy(into.data() + moved, receive_bytes(port, ready.slot) + ready.taken, size);
      ready.taken += static_cast<std::uint32_t>(size);
      moved += size;
      if (ready.taken == ready.length) {
        const std::uint16_t slot = ready.slot;
        port.ready_first = (port.ready_first + 1) % kQueueSize;
        --port.ready_count;
        submit_receive(port, slot);
        refilled = true;
      }
    }
    if (refilled) transport_.notify(receive_index(index));
    if (moved != 0) return moved;
    if (port.receive.failed()) return base::err(PortError::kFailed);
    if (port.host_closed) return std::size_t{0};
    return base::err(PortError::kWouldBlock);
  }
  /// Whether `read` would not block.
  bool readable(std::uint32_t index) const noexcept {
    const Port& port = ports_[index];
    return port.ready_count != 0 || port.receive.failed() || port.host_closed;
  }

  /// Hands bytes over, as many as there is room for.
  base::Result<std::size_t, PortError> write(std::uint32_t index,
                                             std::span<const std::byte> from) noexcept {
    Port& port = ports_[index];
    if (port.transmit.failed()) return base::err(PortError::kFailed);
    if (port.host_closed) return base::err(PortError::kClosed);
    if (!port.opened) return base::err(PortError::kWouldBlock);
    std::size_t moved = 0;
    for (std::uint16_t slot = 0; slot < kTransmitSlots && moved < from.size(); ++slot) {
      if (port.transmit.is_outstanding(slot)) continue;
      const std::size_t size = std::min(from.size() - moved, std::size_t{kTransmitBuffer});
      const std::size_t offset = transmit_offset(slot);
      std::memcpy(port.buffers.bytes + offset, from.data() + moved, size);
      port.transmit.submit(slot, port.buffers.bus_address + offset,
                           static_cast<std::uint32_t>(size), false);
      moved += size;
    }
    if (moved == 0 && !from.empty()) return base::err(PortError::kWouldBlock);
    if (moved != 0) transport_.notify(transmit_index(index));
    return moved;
  }
  bool writable(std::uint32_t index) const noexcept {
    const Port& port = ports_[index];
    return port.transmit.failed() || port.host_closed ||
           (port.opened && port.transmit.outstanding() < kTransmitSlots);
  }
  /// Whether the device has taken all that was written, or nobody is there to take it.
  bool drained(std::uint32_t index) const noexcept {
    const Port& port = ports_[index];
    return port.transmit.failed() || port.host_closed || port.transmit.outstanding() == 0;
  }

 private:
  using Queue = VirtQueue<kQueueSize>;

  static constexpr std::uint64_t kFeatureMultiport = 1U << 1;
  static constexpr std::uint32_t kControlReceive = 2;
  static constexpr std::uint32_t kControlTransmit = 3;
  static constexpr std::uint32_t kControlMessage = 64;  // header and the longest name we keep
  static constexpr std::size_t kControlBytes = std::size_t{kControlMessage} * kQueueSize;

  // Control events.
  static constexpr std::uint16_t kDeviceReady = 0;
  static constexpr std::uint16_t kPortAdd = 1;
  static constexpr std::uint16_t kPortRemove = 2;
  static constexpr std::uint16_t kPortReady = 3;
  static constexpr std::uint16_t kPortOpen = 6;
  static constexpr std::uint16_t kPortName = 7;

  struct ControlHeader {
    std::uint32_t port;
    std::uint16_t event;
    std::uint16_t value;
  };
  static_assert(sizeof(ControlHeader) == 8);

  /// A receive buffer with bytes, in the order of arrival.
  struct Ready {
    std::uint16_t slot = 0;
    std::uint32_t length = 0;
    std::uint32_t taken = 0;
  };
  struct Port {
    Queue receive;
    Queue transmit;
    DmaRegion buffers;
    std::array<Ready, kQueueSize> ready{};
    std::size_t ready_first = 0;
    std::size_t ready_count = 0;
    std::array<char, kMaxName> name{};
    std::size_t name_size = 0;
    bool opened = false;       ///< our side
    bool host_open = false;    ///< the other side
    bool host_closed = false;  ///< the other side was open once and is no longer
  };

  // Ports 0 and 1 stand on either side of the control queues.
  static constexpr std::uint32_t receive_index(std::uint32_t port) noexcept {
    return port == 0 ? 0 : 2 + 2 * port;
  }
  static constexpr std::uint32_t transmit_index(std::uint32_t port) noexcept {
    return receive_index(port) + 1;
  }
  static constexpr std::size_t transmit_offset(std::uint16_t slot) noexcept {
    return std::size_t{kQueueSize} * kReceiveBuffer + std::size_t{slot} * kTransmitBuffer;
  }
  static const std::byte* receive_bytes(const Port& port, std::uint16_t slot) noexcept {
    return port.buffers.bytes + std::size_t{slot} * kReceiveBuffer;
  }

  base::Unexpected<VirtioError> out_of_memory() noexcept {
    transport_.set_failed();
    return base::err(VirtioError::kOutOfMemory);
  }

  void submit_control_in(std::uint16_t slot) noexcept {
    const std::size_t offset = std::size_t{slot} * kControlMessage;
    control_receive_.submit(slot, control_in_.bus_address + offset, kControlMessage, true);
  }
  void submit_receive(Port& port, std::uint16_t slot) noexcept {
    if (port.receive.failed()) return;
    port.receive.submit(slot, port.buffers.bus_address + std::size_t{slot} * kReceiveBuffer,
                        kReceiveBuffer, true);
  }

  /// Sends a control message, or keeps it until the device has taken others.
  void send_control(std::uint32_t port, std::uint16_t event, std::uint16_t value) noexcept {
    if (pending_count_ == pending_.size()) {
      control_failed_ = true;  // the device takes none: it answers to nobody
      return;
    }
    pending_[(pending_first_ + pending_count_++) % pending_.size()] = {port, event, value};
    flush_control();
  }
  void flush_control() noexcept {
    bool sent = false;
    while (pending_count_ != 0) {
      std::uint16_t slot = 0;
      while (slot < kQueueSize && control_transmit_.is_outstanding(slot)) ++slot;
      if (slot == kQueueSize || control_transmit_.failed()) break;
      const std::size_t offset = std::size_t{slot} * kControlMessage;
      std::memcpy(control_out_.bytes + offset, &pending_[pending_first_], sizeof(ControlHeader));
      control_transmit_.submit(slot, control_out_.bus_address + offset, sizeof(ControlHeader),
                               false);
      pending_first_ = (pending_first_ + 1) % pending_.size();
      --pending_count_;
      sent = true;
    }
    if (!sent) return;
    transport_.notify(kControlTransmit);
    // A device may take no input before the port is open, and look for buffers only when it is
    // told of some: it is told again after each message that may have opened one.
    for (std::uint32_t i = 0; i < port_count_; ++i) {
      if (ports_[i].opened) transport_.notify(receive_index(i));
    }
  }

  std::uint32_t take_control() noexcept {
    std::uint32_t changed = 0;
    bool refilled = false;
    // Bounded: what comes meanwhile brings an interrupt of its own.
    for (unsigned taken = 0; taken < kQueueSize; ++taken) {
      const auto used = control_receive_.take_used();
      if (!used) {
        control_failed_ = true;
        break;
      }
      if (!used->has_value()) break;
      // Copied once: the device may still write there.
      std::array<std::byte, kControlMessage> message;
      const std::size_t length = std::min<std::size_t>((*used)->length, kControlMessage);
      std::memcpy(message.data(), control_in_.bytes + std::size_t{(*used)->slot} * kControlMessage,
                  length);
      submit_control_in((*used)->slot);
      refilled = true;
      changed |= obey(std::span<const std::byte>(message.data(), length));
    }
    if (refilled) transport_.notify(kControlReceive);
    for (;;) {
      const auto used = control_transmit_.take_used();
      if (!used) {
        control_failed_ = true;
        break;
      }
      if (!used->has_value()) break;
    }
    flush_control();
    return changed;
  }

  /// Acts on one control message; the bit of the port that changed.
  std::uint32_t obey(std::span<const std::byte> message) noexcept {
    ControlHeader header{};
    if (message.size() < sizeof header) return 0;
    std::memcpy(&header, message.data(), sizeof header);
    if (header.port >= port_count_) {
      // A port that we have no queues for: say so, as the device expects.
      if (header.event == kPortAdd) send_control(header.port, kPortReady, 0);
      return 0;
    }
    Port& port = ports_[header.port];
    switch (header.event) {
      case kPortAdd:
        send_control(header.port, kPortReady, 1);
        return 0;
      case kPortRemove:
        port.host_closed = true;
        port.host_open = false;
        break;
      case kPortOpen:
        port.host_closed = port.host_closed || (port.host_open && header.value == 0);
        port.host_open = header.value != 0;
        if (port.host_open) port.host_closed = false;
        break;
      case kPortName: {
        // Not terminated, although some devices send a NUL.
        auto name = message.subspan(sizeof header);
        if (!name.empty() && name.back() == std::byte{0}) name = name.first(name.size() - 1);
        port.name_size = std::min(name.size(), kMaxName);
        if (port.name_size != 0) std::memcpy(port.name.data(), name.data(), port.name_size);
        break;
      }
      default:
        return 0;
    }
    return std::uint32_t{1} << header.port;
  }

  /// Takes back what the device has finished with; whether anything changed.
  bool take_port(Port& port) noexcept {
    if (!port.opened) return false;
    bool changed = false;
    for (unsigned taken = 0; taken < kQueueSize && !port.receive.failed(); ++taken) {
      const auto used = port.receive.take_used();
      if (!used) {
        changed = true;
        break;
      }
      if (!used->has_value()) break;
      const UsedBuffer buffer = **used;
      if (buffer.length == 0) {
        submit_receive(port, buffer.slot);
        continue;
      }
      port.ready[(port.ready_first + port.ready_count++) % kQueueSize] = {buffer.slot,
                                                                          buffer.length, 0};
      changed = true;
    }
    while (!port.transmit.failed()) {
      const auto used = port.transmit.take_used();
      if (used && !used->has_value()) break;
      changed = true;
    }
    return changed;
  }

  VirtioMmio<M> transport_;
  Queue control_receive_;
  Queue control_transmit_;
  DmaRegion control_in_;
  DmaRegion control_out_;
  std::array<ControlHeader, 64> pending_{};
  std::size_t pending_first_ = 0;
  std::size_t pending_count_ = 0;
  std::uint32_t port_count_ = 0;
  bool control_failed_ = false;
  std::array<Port, kMaxPorts> ports_{};
};

}  // namespace quoll::drivers
