// synth: what the writers of paper_machine.h share: the system's lists and objects as bytes, and
// memory as pages of 8 KB.
#pragma once

#include <map>

#include "synth/paper_machine.h"

namespace dumptriage::synth {

inline constexpr std::uint64_t kPaperPage = 0x2000; // [M] Alpha, [P: WI6] Itanium

// Offsets of the writer's own for fields that KDDEBUGGER_DATA64 names (05, [S]).
struct PaperOffsets {
  static constexpr std::uint32_t kThreadNextProcessor = 0x74, kThreadTeb = 0xB0,
                                 kThreadKernelStack = 0x38, kThreadInitialStack = 0x28,
                                 kThreadApcProcess = 0x88, kThreadState = 0x154,
                                 kThreadBStore = 0x40, kThreadBStoreLimit = 0x48,
                                 kThreadSize = 0x400, kProcessSize = 0x200, kProcessPeb = 0x100,
                                 kProcessParent = 0x110, kProcessRoot = 0x28, kPrcbSize = 0xC00,
                                 kPrcbThread = 0x08, kPrcbNumber = 0x10, kPrcbContext = 0x100;
};

// The system's structures in the `data` area of a machine.
struct PaperObjects {
  PaperPlaces places;
  std::vector<std::pair<std::uint64_t, Bytes>> pieces; // to be laid into memory
  Bytes kdbg;                                          // Itanium
  std::uint64_t processor_block = 0, process = 0;
  std::vector<Bytes> prcbs, threads; // by CPU
  Bytes process_bytes;
};
PaperObjects paper_objects(const PaperMachine& machine);

using PaperPages = std::map<std::uint64_t, Bytes>; // virtual page address -> 8 KB
void lay(PaperPages& pages, std::uint64_t address, const Bytes& bytes);
// Modules, pieces and, when given, the system's structures.
PaperPages paper_pages(const PaperMachine& machine, const PaperObjects* objects);

std::uint64_t number_in(const Bytes& bytes, std::size_t offset, std::size_t size);
std::uint64_t stack_pointer_of(const PaperMachine& machine, const PaperCpu& cpu);
std::uint64_t pc_of(const PaperMachine& machine, const PaperCpu& cpu);
std::uint32_t thread_id_of(const PaperMachine& machine, std::size_t cpu);
std::uint32_t size_in_memory(const PaperModule& module); // rounded up to pages

} // namespace dumptriage::synth
