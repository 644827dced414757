// Offsets of wait blocks, mutants, mutexes and resources.  Public listings made from Microsoft's
// PDBs give them for XP SP2 to Windows 10 2004 (x86) and for Server 2003 to 10 (x64); ERESOURCE of
// NT 3.50 to 5.2 is in Geoff Chappell's studies.  Drivers embed these structures as wdm.h declares
// them, so that they cannot have moved since.  Wait blocks and mutants of NT 4 and 2000 are taken
// to be XP's, and prove it on each object.  The layout of this dump comes before the constants,
// because symbols may know better.
#include "system/waits_fields.h"

namespace dumptriage::system {
namespace {

constexpr std::uint32_t kXp = 2600, kVista = 6000, kWindows7 = 7600, kWindows8 = 9200,
                        kWindows10 = 10240, kWindows10_1607 = 14393;

// By pointer size.
constexpr std::uint32_t pick(bool wide, std::uint32_t narrow_value, std::uint32_t wide_value) {
  return wide ? wide_value : narrow_value;
}

class Fields {
public:
  Fields(const KernelView& view, WaitFields& out)
      : layout_(view.layout), wide_(view.pointer_size == 8), out_(out) {}

  void fill() {
    thread();
    block();
    mutant();
    fast_mutex();
    resource();
  }

private:
  std::uint32_t at(const char* structure, const char* field, std::uint32_t narrow,
                   std::uint32_t wide) const {
    return layout_.offset(structure, field).value_or(pick(wide_, narrow, wide));
  }

  void thread() {
    auto& t = out_.thread;
    auto state = layout_.offset("_KTHREAD", "State");
    auto reason = layout_.offset("_KTHREAD", "WaitReason");
    auto blocks = layout_.offset("_KTHREAD", "WaitBlockList");
    out_.known = state && blocks;
    t.state = state.value_or(0);
    t.wait_reason = reason.value_or(0);
    t.wait_block_list = blocks.value_or(0);
    t.wait_block = layout_.offset("_KTHREAD", "WaitBlock");
    t.wait_block_count = layout_.offset("_KTHREAD", "WaitBlockCount");
    t.gate_object = layout_.offset("_KTHREAD", "GateObject");
    t.mutant_list = layout_.offset("_KTHREAD", "MutantListHead");
    t.kernel_stack = layout_.offset("_KTHREAD", "KernelStack");
    t.stack_limit = layout_.offset("_KTHREAD", "StackLimit");
    t.stack_base = layout_.offset("_KTHREAD", "StackBase");
  }

  void block() {
    auto& b = out_.block;
    b.settled = out_.build >= kXp && !layout_.needs_proof();
    b.size = layout_.size("_KWAIT_BLOCK").value_or(pick(wide_, 0x18, 0x30));
    if (out_.build < kWindows8) {
      b.thread = at("_KWAIT_BLOCK", "Thread", 8, 0x10);
      b.object = at("_KWAIT_BLOCK", "Object", 0xC, 0x18);
      b.next = at("_KWAIT_BLOCK", "NextWaitBlock", 0x10, 0x20);
      b.key = at("_KWAIT_BLOCK", "WaitKey", 0x14, 0x28);
      b.type = at("_KWAIT_BLOCK", "WaitType", 0x16, 0x2A);
    } else {
      b.thread = at("_KWAIT_BLOCK", "Thread", 0xC, 0x18);
      b.object = at("_KWAIT_BLOCK", "Object", 0x10, 0x20);
      b.key = at("_KWAIT_BLOCK", "WaitKey", 0xA, 0x12);
      b.type = at("_KWAIT_BLOCK", "WaitType", 8, 0x10);
    }
  }

  void mutant() {
    auto& m = out_.mutant;
    m.settled = out_.build >= kXp;
    m.list_entry = at("_KMUTANT", "MutantListEntry", 0x10, 0x18);
    m.owner = at("_KMUTANT", "OwnerThread", 0x18, 0x28);
    m.abandoned = at("_KMUTANT", "Abandoned", 0x1C, 0x30);
  }

  // FAST_MUTEX and KGUARDED_MUTEX begin alike.
  void fast_mutex() {
    auto& m = out_.fast_mutex;
    m.owner = at("_FAST_MUTEX", "Owner", 4, 8);
    m.contention = at("_FAST_MUTEX", "Contention", 8, 0x10);
    m.event = pick(wide_, 0xC, 0x18);
  }

  void resource() {
    auto& r = out_.resource;
    r.settled = true;
    r.size = layout_.size("_ERESOURCE").value_or(pick(wide_, 0x38, 0x68));
    r.owner_table = at("_ERESOURCE", "OwnerTable", 8, 0x10);
    r.active_count = at("_ERESOURCE", "ActiveCount", 0xC, 0x18);
    r.flag = at("_ERESOURCE", "Flag", 0xE, 0x1A);
    r.shared_waiters = at("_ERESOURCE", "SharedWaiters", 0x10, 0x20);
    r.exclusive_waiters = at("_ERESOURCE", "ExclusiveWaiters", 0x14, 0x28);
    r.on_stack_waiters = out_.build >= kWindows10;
    if (out_.build < kVista) {
      r.owners = at("_ERESOURCE", "OwnerThreads", 0x18, 0x30);
      r.owner_count = 2;
      r.shared_count = at("_ERESOURCE", "NumberOfSharedWaiters", 0x2C, 0x54);
      r.exclusive_count = at("_ERESOURCE", "NumberOfExclusiveWaiters", 0x2E, 0x56);
      r.count_bytes = 2;
    } else {
      r.owners = at("_ERESOURCE", "OwnerEntry", 0x18, 0x30);
      r.owner_count = 1;
      r.shared_count = at("_ERESOURCE", "NumberOfSharedWaiters", 0x28, 0x48);
      r.exclusive_count = at("_ERESOURCE", "NumberOfExclusiveWaiters", 0x2C, 0x4C);
      r.count_bytes = 4;
    }
    r.entry_size = pick(wide_, 8, 0x10);
    r.entry_value = pick(wide_, 4, 8);
    // OwnerCount stands behind flag bits, whose number grew.
    r.entry_shift = out_.build >= kWindows10_1607 ? 3 : out_.build >= kWindows7 ? 2 : 0;
  }

  const Layout& layout_;
  const bool wide_;
  WaitFields& out_;
};

} // namespace

WaitFields wait_fields(const KernelView& view) {
  WaitFields out;
  if (view.dump.kernel) out.build = view.dump.kernel->header.build;
  Fields(view, out).fill();
  out.known &= view.has_published_layouts(); // NT 4 and 2000 on Alpha have none
  return out;
}

} // namespace dumptriage::system
