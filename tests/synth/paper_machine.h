// synth: a whole machine on paper: modules, memory, CPUs, a stop; and dumps of it for the two CPUs
// of which no public dump exists.
//
//   PaperMachine m = paper_alpha_nt4();        // or paper_ia64_ws2003(): system, build, bases
//   PeWriter pe(false); pe.machine = 0x184; ...
//   m.modules.push_back({"\\WINNT\\System32\\ntoskrnl.exe", 0x80080000, pe.memory(), ts, sum});
//   m.modules.push_back({"\\SystemRoot\\System32\\Drivers\\Sfmsrv.sys", 0xF1000000, ...});
//   m.memory.push_back({0xF8001000, stack bytes});
//   m.cpus.push_back({.context = context_alpha({{"fir", alpha32(0xF1001230)}, ...}),
//                     .stack_limit = 0xF8000000, .stack_base = 0xF8004000});
//   m.bugcheck_code = 0xA; m.bugcheck_parameters = {...};
//   Bytes file = write_alpha_pagedump(m);
//
// The first module should be the kernel.  A context is given as bytes (cpu_contexts.h), so that its
// conventions are the caller's choice.  Modules and memory may lie anywhere in the kernel's half
// (minidumps and user dumps: anywhere); pieces must not overlap, and stay clear of `data`, where
// the writer lays the lists and objects of the system.
//
// Marks of what is written, beside those at each function: the headers, triage and KDBG structures
// are [S] (03, 05); loader entries are laid out as those of x86 (Alpha, [I]) and x64 (Itanium, [I])
// of the same build, 09; of KPRCB, KTHREAD and EPROCESS only those fields exist that KDBG names, at
// offsets of the writer's own, which its KDBG tells ([S] the fields, any offsets will do).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "synth/bytes_out.h"
#include "synth/cpu_contexts.h"

namespace dumptriage::synth {

struct PaperModule {
  std::string path;
  std::uint64_t base = 0;
  Bytes memory; // as it lies there: PeWriter::memory()
  std::uint32_t timestamp = 0, checksum = 0;
};

struct PaperCpu {
  Bytes context;
  std::uint64_t stack_limit = 0, stack_base = 0; // of its thread: [limit, base), both page aligned
  // Itanium: the backing store of its thread grows from `store_base` up to at most `store_limit`.
  // 0: none.
  std::uint64_t store_base = 0, store_limit = 0;
  std::uint32_t thread_id = 0; // 0: 8 + 4 * number
  // Triage: where the saved slice of the stack begins; 0: at the context's sp.  The context of a
  // 0x7E is that of the exception, and what stopped the system lies below it [C of x64].
  std::uint64_t saved_from = 0;
};

struct PaperMachine {
  bool alpha = true; // else Itanium
  std::uint32_t build = 1381;
  std::uint64_t data = 0; // where the writer's own structures go, 128 KB
  std::vector<PaperModule> modules;
  std::vector<std::pair<std::uint64_t, Bytes>> memory;
  std::vector<PaperCpu> cpus;
  std::size_t crashed = 0; // index of the CPU whose context the header has
  std::uint32_t bugcheck_code = 0;
  std::array<std::uint64_t, 4> bugcheck_parameters{};
  std::uint64_t system_time = 0x01D707F23DBB3399; // FILETIME; NT 4 has none
  std::uint32_t service_pack = 2;                 // Itanium: CmNtCSDVersion
};
PaperMachine paper_alpha_nt4();
PaperMachine paper_ia64_ws2003();

// What the writers of page dumps did, for tests that break it.
struct PaperPlaces {
  std::uint64_t module_list = 0, process_list = 0; // list heads, virtual
  std::vector<std::uint64_t> entries;              // loader entries, virtual
  std::uint64_t root = 0;                          // physical address of the root table
  std::uint64_t kdbg = 0;                          // virtual
  std::vector<std::uint64_t> prcbs, threads;       // virtual, by CPU
  // Virtual page (8 KB) and its frame, in order of address.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> frames;
};

// (a) PAGEDUMP of Alpha, full.  Pages of 8 KB [M]; the header has that size [I];
// PhysicalMemoryBlock counts pages of 8 KB [I]; fields behind the exception record are filler (NT 4
// [I]). 80000000 ... BFFFFFFF is KSEG0, PA = VA & 3FFFFFFF [U].  What lies above is mapped by NT
// tables: 4-byte entries, PFN in bits 31:9, bit 0 valid [U], the directory maps itself at C0000000
// [U].
struct AlphaPaging {
  bool direct = true; // false: 80000000 ... is mapped by the tables as well
  bool self_map = true;
  // DirectoryTableBase holds the root's physical address, or an entry that names its frame [U].
  bool root_is_entry = false;
};
Bytes write_alpha_pagedump(const PaperMachine& machine, const AlphaPaging& paging = {},
                           PaperPlaces* places = nullptr);

// (b) PAGEDU64 of Itanium, full, with KDBG, KiProcessorBlock and a KPRCB and KTHREAD for each CPU.
// Kseg3 (8000000000000000 + PA) needs no tables [P: WI6].  Region 7: three levels of 1024 entries
// [P: WI6], entries by the hardware's short format [P: SDM], root = DirectoryTableBase [U], one
// entry of the root maps the root [U].
struct Ia64Paging {
  bool tables = true; // false: region 7 has none (nothing of it can be read)
  bool self_map = true;
  bool root_in_header = true; // false: DirectoryTableBase is another page (a process's)
};
Bytes write_ia64_pagedu64(const PaperMachine& machine, const Ia64Paging& paging = {},
                          PaperPlaces* places = nullptr);

// (c) Triage dump of Itanium: the crashed CPU's stack from its sp up [C of x64], its backing store,
// ETHREAD, KPRCB and KDBG copies, the driver list; the other CPUs as data blocks [C of x64].
// The backing store's fields are [S], what they mean is [U]:
struct Ia64TriageStore {
  // The slice begins at the thread's store_base and ends at RsBSPSTORE of the context, or at RsBSP.
  bool ends_at_bspstore = true;
  enum class Limit { end, start, thread_limit, none } limit = Limit::end; // LimitOfBStore
  bool thread = true; // KTHREAD.BStore and BStoreLimit are there
};
Bytes write_ia64_triage(const PaperMachine& machine, const Ia64TriageStore& store = {});

// (d) MDMP of either CPU: every CPU is a thread with its stack from sp up; of Itanium the threads
// are in ThreadExList (stream 8) with their backing stores up to RsBSPSTORE [P: MDT].  Modules come
// without their bytes when `images` is false.
Bytes write_paper_minidump(const PaperMachine& machine, bool images = true);

// (e) USERDUMP of Alpha (02, [S], nothing byte-checked): every CPU is a thread.
Bytes write_alpha_userdump(const PaperMachine& machine);

// Bytes of the machine's memory (modules and pieces); zeros where it has none.
Bytes paper_memory(const PaperMachine& machine, std::uint64_t from, std::uint64_t to);

} // namespace dumptriage::synth
