#include "matrix/scenes.h"
#include "synth/nt4_pool.h"

namespace dumptriage::matrix {
namespace {

constexpr std::uint64_t kPoolPage = 0x80F41000;
constexpr std::uint32_t kLists = synth::NtCode::kData + 0x200; // in the kernel's .data

void lay_code(NtMachine& m, const IrpScene& scene, State state) {
  auto add = [&](NtImage image) {
    if (state == State::edition) image.version[3] = 0x8000 + 419; // Terminal Server Edition
    m.code.add(std::move(image));
  };
  NtImage nt = kernel(NtSystem::nt4_x86, {"AfpByteRangeUnlock"});
  nt.functions[4].body = {0x89, 0x07}; // ExFreePool: mov [edi], eax
  nt.functions.push_back({.name = "ExAllocatePoolWithTag", .exported = true, .parameters = 3});
  add(nt);
  NtImage sfm = driver(NtSystem::nt4_x86, "sfmsrv.sys",
                       {{.name = "AfpByteRangeUnlock",
                         .parameters = 1,
                         .calls = {"AfpIoUnlockByIrp", "AfpFreeBuffer"}},
                        {.name = "AfpIoUnlockByIrp", .parameters = 3, .calls = {"IoFreeIrp"}},
                        {.name = "AfpUnlockCompletion", .parameters = 3, .calls = {"IoFreeIrp"}},
                        {.name = "AfpFreeBuffer", .parameters = 1, .calls = {"ExFreePool"}}});
  sfm.timestamp = state == State::fixed ? day(1999, 9, 29) + 7 * 3600 : scene.linked;
  add(sfm);
  m.code.link();
  m.load_images();
}

// Two NPAGED_LOOKASIDE_LISTs of the I/O manager, in a ring with its head; the small one holds
// `irp`.
void lay_lookasides(NtMachine& m, std::uint64_t irp) {
  const std::uint64_t kernel = m.code.images().front().base, head = kernel + kLists,
                      small = head + 0x40, large = small + 0x80;
  auto list = [&](std::uint64_t at, const char* tag, std::uint32_t size, std::uint64_t first,
                  std::uint32_t depth) {
    m.put(at, first, 4);
    m.put(at + 4, depth, 2);
    m.put(at + 0x8, 4, 2); // MinimumDepth, MaximumDepth
    m.put(at + 0xA, 256, 2);
    m.put(at + 0x1C, 0, 4); // nonpaged
    synth::Bytes text;
    synth::put_text(text, 0, tag);
    m.write(at + 0x20, text);
    m.put(at + 0x24, size, 4);
    m.put(at + 0x28, m.code.address("ExAllocatePoolWithTag"), 4);
    m.put(at + 0x2C, m.code.address("ExFreePool"), 4);
  };
  list(small, "IrpS", 0x94, irp, irp != 0 ? 2 : 0);
  list(large, "IrpL", 0x190, 0, 0);
  const std::uint64_t ring[] = {head, small + 0x30, large + 0x30};
  for (std::size_t i = 0; i < 3; ++i) {
    m.put(ring[i], ring[(i + 1) % 3], 4);
    m.put(ring[i] + 4, ring[(i + 2) % 3], 4);
  }
}

// An IRP of one location that was completed and freed: its first word is the list's link.
void lay_irp(NtMachine& m, std::uint64_t irp, bool freed) {
  m.put(irp, 6, 2);
  m.put(irp + 2, 0x94, 2);
  m.put(irp + 0x10, irp + 0x10, 4);
  m.put(irp + 0x14, irp + 0x10, 4);
  m.put(irp + 0x22, 1, 1);
  m.put(irp + 0x23, freed ? 3 : 2, 1); // completed: behind the last location
  m.put(irp + 0x60, irp + 0x70 + (freed ? 2 : 1) * 0x24, 4);
  m.put(irp + 0x70, 0x11, 1); // IRP_MJ_LOCK_CONTROL
  m.put(irp + 0x71, 2, 1);    // IRP_MN_UNLOCK_SINGLE
  m.put(irp + 0x73, 0xE0, 1);
  m.put(irp + 0x70 + 0x1C, m.code.address("AfpUnlockCompletion"), 4);
  if (freed) m.put(irp, irp, 4); // pushed twice: it is behind itself
}

} // namespace

Made make_q242896(const IrpScene& scene, State state, Level level) {
  NtMachine m(NtSystem::nt4_x86, level != Level::none);
  lay_code(m, scene, state);
  synth::Nt4Pool pool(kPoolPage);
  pool.add("File", 0x80, true);
  const std::uint64_t irp = pool.add("IrpS", 0xC0, true); // a lookaside keeps it in use
  m.write(kPoolPage, pool.page());
  const bool freed = state != State::other;
  lay_irp(m, irp, freed);
  lay_lookasides(m, freed ? irp : 0);
  const auto [limit, base] = m.next_stack();
  NtStack stack(m.code, limit, base);
  stack.begin("PspSystemThreadStartup");
  stack.call("ExpWorkerThread");
  stack.call("AfpByteRangeUnlock");
  if (freed) {
    stack.call("AfpIoUnlockByIrp");
    stack.call("IoFreeIrp", {static_cast<std::uint32_t>(irp)});
  } else {
    stack.call("AfpFreeBuffer");
  }
  stack.call("ExFreePool", {static_cast<std::uint32_t>(freed ? irp : irp + 0x200)});
  stack.registers[7] = 0x83704020;
  const std::uint64_t pc = m.code.body("ExFreePool");
  m.stop = scene.stop;
  m.parameters = {0x83704020, 2, 1, pc};
  stack.fault("KiTrap0E", 2);
  stack.call("KeBugCheckEx", {scene.stop, 0x83704020, 2, 1, static_cast<std::uint32_t>(pc)});
  m.thread(stack, {.cpu = 0, .context = stack.context(true)});
  if (state == State::os) m.build = 2195;
  if (state == State::paged_out) m.page_out(kPoolPage);
  return {dump_of(m, "full"), symbols(m, level), truth_of(m, {&stack})};
}

} // namespace dumptriage::matrix
