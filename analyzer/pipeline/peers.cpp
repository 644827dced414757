// The sender of a packet, where the stop or the stacks at it have to do with the network.
#include <algorithm>
#include <array>

#include "arch/address.h"
#include "base/text.h"
#include "pipeline/objects.h"

namespace dumptriage::pipeline {
namespace {

// Drivers that handle packets or what came in them, from the card up to file sharing.
constexpr std::string_view kNetwork[] = {"netbt.sys",    "tcpip.sys",  "tcpip6.sys", "afd.sys",
                                         "tdi.sys",      "tdx.sys",    "netio.sys",  "ndis.sys",
                                         "netbios.sys",  "nbf.sys",    "mrxsmb.sys", "mrxsmb10.sys",
                                         "mrxsmb20.sys", "rdbss.sys",  "rdr.sys",    "srv.sys",
                                         "srv2.sys",     "srvnet.sys", "smb.sys"};
constexpr std::uint64_t kMostStack = 0x8000; // more than a kernel stack has on any CPU
constexpr std::size_t kFramesWithRegisters = 8;

using Range = memory::AddressSpace::Range;

bool is_network(std::string_view module) {
  const std::string name = lower(module);
  return std::ranges::find(kNetwork, name) != std::end(kNetwork);
}

class Asking {
public:
  Asking(const system::Snapshot& snapshot, const Walks& walks)
      : snapshot_(snapshot), walks_(walks), arch_(arch::find(snapshot.machine)) {}

  // Whether the stop, a sure frame of the crashed thread, or the top of a CPU's stack lies in such
  // a driver; then `question` says from where to look.
  bool ask(system::PeerQuestion& question) const {
    bool network = std::ranges::any_of(
        snapshot_.stop.parameters, [this](std::uint64_t value) { return lies_in_network(value); });
    if (const auto& fault = snapshot_.stop.fault_context; fault && arch_)
      network |= lies_in_network(arch::pc_of(*arch_, *fault).value_or(0));
    std::vector<std::size_t> threads;
    for (std::size_t i = 0; i < snapshot_.threads.size() && i < walks_.stacks.size(); ++i) {
      const bool crashed = snapshot_.threads[i].crashed;
      const bool found = walks_.walked[i] && in_network(i);
      network |= found;
      if (crashed || found) threads.push_back(i);
    }
    if (!network) return false;
    question.registers = snapshot_.stop.parameters;
    for (std::size_t i : threads) start_at(i, question);
    return true;
  }

private:
  bool lies_in_network(std::uint64_t address) const {
    return std::ranges::any_of(snapshot_.modules, [address](const dump::Module& module) {
      return address >= module.base && address - module.base < module.size &&
             is_network(module.name());
    });
  }
  bool in_network(std::size_t index) const {
    const stack::Stack& stack = walks_.stacks[index];
    auto lies = [&](std::size_t frame) { return is_network(stack.frames[frame].module_name); };
    const std::size_t sure = std::min(stack.sure_frames, stack.frames.size());
    if (snapshot_.threads[index].crashed) {
      for (std::size_t frame = 0; frame < sure; ++frame)
        if (lies(frame)) return true;
      return false;
    }
    if (!snapshot_.threads[index].cpu) return false;
    const auto top = stack::top_of_stack(stack, false).frame;
    return top && *top < sure && lies(*top);
  }

  void start_at(std::size_t index, system::PeerQuestion& question) const {
    if (!arch_) return;
    const system::ThreadState& thread = snapshot_.threads[index];
    const stack::Stack& stack = walks_.stacks[index];
    const std::size_t sure = std::min(stack.sure_frames, stack.frames.size());
    for (std::size_t frame = 0; frame < std::min(sure, kFramesWithRegisters); ++frame)
      add_registers(stack.frames[frame].registers, question);
    if (thread.context) add_registers(*thread.context, question);
    // A walk may go from the stack of DPCs over to the thread's.
    std::vector<std::uint64_t> places;
    for (std::size_t frame = 0; frame < sure; ++frame) places.push_back(stack.frames[frame].sp);
    if (places.empty() && thread.context)
      if (auto sp = arch::sp_of(*arch_, *thread.context)) places.push_back(*sp);
    for (std::uint64_t sp : places) add_stack(thread, sp, question.stacks);
    if (thread.store_low != 0)
      question.stacks.push_back(
          {thread.store_low, std::min(thread.store_high, thread.store_low + kMostStack)});
  }
  void add_registers(const arch::Registers& registers, system::PeerQuestion& question) const {
    for (int index = 0; index < arch::Registers::kCount; ++index)
      if (index != arch_->pc && index != arch_->sp)
        if (auto value = arch::address_in(*arch_, registers, index))
          question.registers.push_back(*value);
  }
  void add_stack(const system::ThreadState& thread, std::uint64_t sp,
                 std::vector<Range>& stacks) const {
    // A stack that ran out: its pointer went below the lowest page.
    constexpr std::uint64_t kPage = 0x1000;
    auto range = snapshot_.memory->range_around(sp);
    if (auto above = checked_add(sp | (kPage - 1), 1); !range && above) {
      sp = *above;
      range = snapshot_.memory->range_around(sp);
    }
    auto holds = [sp](const Range& range) { return sp >= range.start && sp < range.end; };
    if (std::ranges::any_of(stacks, holds)) return;
    std::uint64_t end = 0;
    if (sp >= thread.stack_low && sp < thread.stack_high)
      end = thread.stack_high;
    else if (range)
      end = range->end;
    for (const system::Cpu& cpu : snapshot_.cpus)
      for (std::uint64_t top : {cpu.dpc_stack, cpu.isr_stack})
        if (sp < top && top < end) end = top;
    if (sp < end) stacks.push_back({sp, sp + std::min(end - sp, kMostStack)});
  }

  const system::Snapshot& snapshot_;
  const Walks& walks_;
  const arch::Arch* arch_;
};

std::string certainty_of(const system::Peer& peer) { return peer.agreed ? "agreed" : "candidate"; }

} // namespace

void read_peers(const dump::Dump& dump, system::Snapshot& snapshot, const Walks& walks,
                const Options& options) {
  if (!snapshot.kernel) return;
  system::PeerQuestion question;
  if (!Asking(snapshot, walks).ask(question)) return;
  for (const dump::Module& module : snapshot.modules)
    if (auto end = checked_add(module.base, module.size))
      question.images.push_back({module.base, *end});
  question.pointer_size = arch::pointer_size_of(snapshot.machine);
  question.physical = dump.physical.get();
  question.most_bytes = options.peer_bytes;
  if (dump.kernel && dump.kernel->triage)
    for (const dump::DataBlock& block : dump.kernel->triage->data_blocks)
      if (auto end = checked_add(block.address, block.size))
        question.ranges.push_back({block.address, *end});
  snapshot.peers = system::find_peers(*dump.memory, question);
}

void list_peers(report::Document& document, const Analysis& analysis) {
  for (const system::Peer& peer : analysis.snapshot.peers.peers) {
    report::PeerRow row;
    row.address = system::ip_text(peer.address);
    if (peer.mac) row.mac = system::mac_text(*peer.mac);
    row.protocol = peer.protocol;
    row.certainty = certainty_of(peer);
    row.why = peer.why;
    row.port = peer.port;
    row.hits = peer.hits.size();
    if (!peer.hits.empty()) {
      row.found = peer.hits.front().found;
      row.at = peer.hits.front().at;
    }
    document.network_peers.push_back(std::move(row));
  }
}

} // namespace dumptriage::pipeline
