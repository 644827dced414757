#include "synth/paper_objects.h"

#include <algorithm>
#include <stdexcept>

namespace dumptriage::synth {
namespace {

using Offsets = PaperOffsets;

// Places in the data area.
constexpr std::uint64_t kModuleList = 0x100, kProcessList = 0x140, kProcessLinks = 0x200,
                        kEntries = 0x1000, kEntryStride = 0x200, kNames = 0x8000,
                        kNameStride = 0x200, kKdbg = 0x10000, kProcessors = 0x10800,
                        kCsdVersion = 0x10900, kPrcbs = 0x12000, kCpuStride = 0x2000,
                        kThreads = 0x13000, kProcess = 0x1F000;
constexpr std::size_t kMostModules = 48, kMostCpus = 4;

// A ring: the head, then the nodes, each a LIST_ENTRY at its start.
void link(PaperObjects& out, int width, std::uint64_t head,
          const std::vector<std::uint64_t>& nodes) {
  std::vector<std::uint64_t> ring = {head};
  ring.insert(ring.end(), nodes.begin(), nodes.end());
  for (std::size_t i = 0; i < ring.size(); ++i) {
    Bytes entry;
    put(entry, 0, ring[(i + 1) % ring.size()], width);
    put(entry, width, ring[(i + ring.size() - 1) % ring.size()], width);
    out.pieces.push_back({ring[i], entry});
  }
}

// LDR_DATA_TABLE_ENTRY behind its first links: 09; x86 NT 4 [I for Alpha], x64 2003 [I for
// Itanium].
void loader_entry(PaperObjects& out, bool narrow, const PaperModule& module, std::uint64_t entry,
                  std::uint64_t name) {
  const std::size_t w = narrow ? 4 : 8, behind_links = 2 * w;
  Bytes bytes;
  auto field = [&](std::size_t at, std::uint64_t value, std::size_t size) {
    put(bytes, at - behind_links, value, size);
  };
  Bytes text;
  put_utf16(text, 0, module.path);
  std::size_t base_name = module.path.rfind('\\');
  base_name = base_name == std::string::npos ? 0 : base_name + 1;
  const std::size_t full = 2 * module.path.size(), base = full - 2 * base_name;
  field(narrow ? 0x18 : 0x30, module.base, w);
  field(narrow ? 0x20 : 0x40, size_in_memory(module), 4);
  for (auto [at, length, buffer] :
       {std::array<std::uint64_t, 3>{narrow ? 0x24u : 0x48u, full, name},
        std::array<std::uint64_t, 3>{narrow ? 0x2Cu : 0x58u, base, name + 2 * base_name}}) {
    field(at, length, 2);
    field(at + 2, length, 2);
    field(at + w, buffer, w);
  }
  field(narrow ? 0x38 : 0x6C, 1, 2); // LoadCount
  field(narrow ? 0x40 : 0x78, module.checksum, 4);
  if (narrow) field(0x44, module.timestamp, 4); // NT 4: the stamp; later kernels: a pointer
  out.pieces.push_back({entry + behind_links, bytes});
  out.pieces.push_back({name, text});
}

// DISPATCHER_HEADER: type, and an empty list of waiters ([S]); a second empty list behind it.
Bytes dispatcher_object(std::uint8_t type, std::uint64_t address, std::size_t size) {
  Bytes out(size);
  put8(out, 0, type);
  for (std::uint64_t head : {0x08, 0x18}) {
    put64(out, head, address + head);
    put64(out, head + 8, address + head);
  }
  return out;
}

Bytes thread_bytes(const PaperCpu& cpu, std::uint64_t address, std::uint64_t process,
                   std::size_t number) {
  Bytes out = dispatcher_object(6, address, Offsets::kThreadSize);
  put64(out, Offsets::kThreadInitialStack, cpu.stack_base);
  put64(out, Offsets::kThreadKernelStack, cpu.stack_base - 0x100);
  put64(out, Offsets::kThreadBStore, cpu.store_base);
  put64(out, Offsets::kThreadBStoreLimit, cpu.store_limit);
  put64(out, Offsets::kThreadApcProcess, process);
  put8(out, Offsets::kThreadState, 2); // Running
  put8(out, Offsets::kThreadNextProcessor, number);
  return out;
}

// 05: fields by their offsets [S].  The size is Server 2003's.
Bytes debugger_data(const PaperMachine& machine, const PaperObjects& objects) {
  Bytes out(0x318);
  put64(out, 0x00, objects.places.kdbg);
  put64(out, 0x08, objects.places.kdbg);
  put_text(out, 0x10, "KDBG");
  put32(out, 0x14, out.size());
  put64(out, 0x18, machine.modules.empty() ? 0 : machine.modules.front().base);
  put64(out, 0x48, objects.places.module_list);
  put64(out, 0x50, objects.places.process_list);
  put64(out, 0x218, objects.processor_block);
  put64(out, 0x268, machine.data + kCsdVersion);
  const std::pair<std::size_t, std::uint32_t> rows[] = {{0x298, Offsets::kThreadNextProcessor},
                                                        {0x29A, Offsets::kThreadTeb},
                                                        {0x29C, Offsets::kThreadKernelStack},
                                                        {0x29E, Offsets::kThreadInitialStack},
                                                        {0x2A0, Offsets::kThreadApcProcess},
                                                        {0x2A2, Offsets::kThreadState},
                                                        {0x2A4, Offsets::kThreadBStore},
                                                        {0x2A6, Offsets::kThreadBStoreLimit},
                                                        {0x2A8, Offsets::kProcessSize},
                                                        {0x2AA, Offsets::kProcessPeb},
                                                        {0x2AC, Offsets::kProcessParent},
                                                        {0x2AE, Offsets::kProcessRoot},
                                                        {0x2B0, Offsets::kPrcbSize},
                                                        {0x2B4, Offsets::kPrcbThread},
                                                        {0x2BC, Offsets::kPrcbContext},
                                                        {0x2BE, Offsets::kPrcbNumber},
                                                        {0x2C0, Offsets::kThreadSize}};
  for (auto [at, value] : rows) put16(out, at, value);
  return out;
}

void add_cpus(const PaperMachine& machine, PaperObjects& out) {
  out.processor_block = machine.data + kProcessors;
  out.process = machine.data + kProcess;
  out.places.kdbg = machine.data + kKdbg;
  out.process_bytes = dispatcher_object(3, out.process, Offsets::kProcessSize);
  Bytes block;
  for (std::size_t i = 0; i < machine.cpus.size(); ++i) {
    const std::uint64_t prcb = machine.data + kPrcbs + kCpuStride * i;
    const std::uint64_t thread = machine.data + kThreads + kCpuStride * i;
    Bytes bytes(Offsets::kPrcbSize);
    put64(bytes, Offsets::kPrcbThread, thread);
    put8(bytes, Offsets::kPrcbNumber, i);
    put_bytes(bytes, Offsets::kPrcbContext, machine.cpus[i].context);
    out.prcbs.push_back(bytes);
    out.threads.push_back(thread_bytes(machine.cpus[i], thread, out.process, i));
    out.places.prcbs.push_back(prcb);
    out.places.threads.push_back(thread);
    put64(block, block.size(), prcb);
  }
  out.kdbg = debugger_data(machine, out);
  out.pieces.push_back({out.processor_block, block});
  out.pieces.push_back({out.process, out.process_bytes});
  out.pieces.push_back({out.places.kdbg, out.kdbg});
  Bytes pack;
  put32(pack, 0, machine.service_pack << 8); // CmNtCSDVersion
  out.pieces.push_back({machine.data + kCsdVersion, pack});
  for (std::size_t i = 0; i < machine.cpus.size(); ++i) {
    out.pieces.push_back({out.places.prcbs[i], out.prcbs[i]});
    out.pieces.push_back({out.places.threads[i], out.threads[i]});
  }
}

} // namespace

PaperMachine paper_alpha_nt4() {
  PaperMachine machine;
  machine.data = 0x80700000; // in KSEG0
  return machine;
}

PaperMachine paper_ia64_ws2003() {
  PaperMachine machine;
  machine.alpha = false;
  machine.build = 3790;
  machine.data = 0xE000010600000000;
  return machine;
}

std::uint64_t number_in(const Bytes& bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | (offset + i < bytes.size() ? bytes[offset + i] : 0);
  return value;
}

std::uint64_t stack_pointer_of(const PaperMachine& machine, const PaperCpu& cpu) {
  return machine.alpha ? number_in(cpu.context, 0x1F0, 4) : number_in(cpu.context, 0x8D0, 8);
}
std::uint64_t pc_of(const PaperMachine& machine, const PaperCpu& cpu) {
  return machine.alpha ? number_in(cpu.context, 0x210, 4) : number_in(cpu.context, 0xA18, 8);
}
std::uint32_t thread_id_of(const PaperMachine& machine, std::size_t cpu) {
  const std::uint32_t id = machine.cpus[cpu].thread_id;
  return id != 0 ? id : static_cast<std::uint32_t>(8 + 4 * cpu);
}
std::uint32_t size_in_memory(const PaperModule& module) {
  // What its own header says, SizeOfImage; else what is there.
  std::uint64_t pe = number_in(module.memory, 0x3C, 4);
  std::uint64_t size = pe != 0 ? number_in(module.memory, pe + 0x18 + 56, 4) : 0;
  if (size == 0) size = (module.memory.size() + kPaperPage - 1) / kPaperPage * kPaperPage;
  return static_cast<std::uint32_t>(size);
}

PaperObjects paper_objects(const PaperMachine& machine) {
  if (machine.modules.size() > kMostModules || machine.cpus.size() > kMostCpus)
    throw std::length_error("a machine on paper has 48 modules and 4 CPUs at most");
  PaperObjects out;
  out.places.module_list = machine.data + kModuleList;
  out.places.process_list = machine.data + kProcessList;
  for (std::size_t i = 0; i < machine.modules.size(); ++i) {
    const std::uint64_t entry = machine.data + kEntries + kEntryStride * i;
    out.places.entries.push_back(entry);
    loader_entry(out, machine.alpha, machine.modules[i], entry,
                 machine.data + kNames + kNameStride * i);
  }
  const int width = machine.alpha ? 4 : 8;
  link(out, width, out.places.module_list, out.places.entries);
  link(out, width, out.places.process_list,
       {machine.data + kProcessLinks, machine.data + kProcessLinks + 0x40});
  if (!machine.alpha) add_cpus(machine, out);
  return out;
}

void lay(PaperPages& pages, std::uint64_t address, const Bytes& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = address + done, page = at / kPaperPage * kPaperPage;
    const std::size_t here = std::min<std::size_t>(bytes.size() - done, page + kPaperPage - at);
    Bytes& target = pages[page];
    target.resize(kPaperPage);
    std::copy_n(bytes.data() + done, here, target.data() + (at - page));
    done += here;
  }
}

PaperPages paper_pages(const PaperMachine& machine, const PaperObjects* objects) {
  PaperPages pages;
  for (const PaperModule& module : machine.modules) {
    lay(pages, module.base, module.memory);
  }
  for (const auto& [address, bytes] : machine.memory) lay(pages, address, bytes);
  if (objects)
    for (const auto& [address, bytes] : objects->pieces) lay(pages, address, bytes);
  return pages;
}

Bytes paper_memory(const PaperMachine& machine, std::uint64_t from, std::uint64_t to) {
  Bytes out(to > from ? to - from : 0);
  auto copy = [&](std::uint64_t address, const Bytes& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      if (address + i >= from && address + i < to) out[address + i - from] = bytes[i];
  };
  for (const PaperModule& module : machine.modules) copy(module.base, module.memory);
  for (const auto& [address, bytes] : machine.memory) copy(address, bytes);
  return out;
}

} // namespace dumptriage::synth
