// A KernelView over hand-laid kernel objects.
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "synth/kernel_objects.h"
#include "system/kernel_view.h"
#include "system/kernel_waits.h"
#include "system/snapshot.h"

namespace dumptriage::system {

class KernelScene {
public:
  using Build = synth::KernelBuild;
  explicit KernelScene(Build build) : objects(build), build_(build) {}

  synth::KernelObjects objects;
  Notes notes;
  std::vector<ThreadState> threads;
  std::uint32_t build_number = objects.at.build;       // a build with the same offsets
  std::map<std::size_t, std::uint64_t> kdbg_variables; // offset in KDBG -> address
  std::uint32_t bugcheck = 0;
  std::array<std::uint64_t, 4> parameters{};
  std::optional<std::uint32_t> processors;

  // A thread with its place in the snapshot.
  std::uint64_t thread(const std::string& id, const std::string& process = "System") {
    ThreadState state;
    state.id = id;
    state.object = objects.thread();
    state.process = process;
    threads.push_back(state);
    return state.object;
  }

  // Call once everything is laid.
  const KernelView& view() {
    if (view_) return *view_;
    bool wide = objects.at.pointer == 8;
    dump_.format = dump::Format::kernel;
    dump_.kind = dump::Kind::full;
    dump_.machine = wide ? arch::Machine::x64 : arch::Machine::x86;
    dump_.kernel = std::make_unique<dump::KernelDump>();
    dump_.kernel->header.build = build_number;
    dump_.kernel->header.is64 = wide;
    dump_.kernel->header.bugcheck_code = bugcheck;
    dump_.kernel->header.bugcheck_parameters = parameters;
    dump_.kernel->header.processors = processors;
    for (const auto& [address, bytes] : objects.pieces())
      memory_.add(address, ByteView(bytes.data(), bytes.size()));
    memory_.seal();
    dump::DebuggerData kdbg = debugger_data();
    std::optional<std::uint32_t> pack;
    if (build_ == Build::ws2003sp2_x86) pack = 2;
    if (build_ == Build::win7sp1_x64) pack = 1;
    Layout layout = choose_layout(dump_.machine, build_number, pack, kdbg);
    view_ = std::make_unique<KernelView>(dump_, memory_, kdbg, layout, notes);
    return *view_;
  }

  Waits waits(bool held = false) {
    Waits waits;
    read_kernel_waits(view(), threads, held, waits);
    return waits;
  }

  bool noted(std::string_view part) const {
    for (const Note& note : notes)
      if (note.message.find(part) != std::string::npos) return true;
    return false;
  }

private:
  // KDDEBUGGER_DATA64 of 2003 and later: tag, size, ExpSystemResourcesList.  NT 4 has none.
  dump::DebuggerData debugger_data() {
    if (build_ == Build::nt4_x86) return {};
    std::uint32_t size = build_ == Build::ws2003sp2_x86 ? 0x318
                         : build_ == Build::win7sp1_x64 ? 0x340
                                                        : 0x380;
    std::vector<std::uint8_t> bytes(size, 0);
    auto put = [&](std::size_t at, std::uint64_t value, int width) {
      for (int i = 0; i < width; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    };
    std::memcpy(bytes.data() + 0x10, "KDBG", 4);
    put(0x14, size, 4);
    std::uint64_t head = objects.resource_list();
    // Pointers of 32-bit kernels are stored sign-extended.
    auto pointer = [&](std::uint64_t address) {
      return objects.at.pointer == 4 ? address | 0xFFFFFFFF00000000 : address;
    };
    put(0x60, pointer(head), 8);
    for (const auto& [offset, address] : kdbg_variables) put(offset, pointer(address), 8);
    // SizeEThread: service updates of one build differ in it.
    put(0x2C0, objects.at.thread_size, 2);
    return dump::DebuggerData(ByteView(bytes.data(), bytes.size()));
  }

  Build build_;
  dump::Dump dump_;
  memory::FlatRanges memory_;
  std::unique_ptr<KernelView> view_;
};

} // namespace dumptriage::system
