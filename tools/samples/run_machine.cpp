// run_machine KERNEL_FOLDER OUT.dmp TRUTH.json - executes the sample kernel (see machine.h) until
// it stops itself and writes the machine as a triage dump of Windows Server 2003 SP2, x64.
#include <cstdio>
#include <cstring>
#include <fstream>

#include "machine.h"
#include "synth/kernel_bytes.h"
#include "synth/triage_writer.h"

namespace {

using namespace samples;
using dumptriage::synth::Bytes;
using dumptriage::synth::TriageDescription;

// Order of KiSampleTable in ntoskrnl.c.
enum Table {
  kSystemStartup,
  kPageFault,
  kIpiInterrupt,
  kStartSystemThread,
  kDebuggerData,
  kLoadedModules,
  kActiveProcesses,
  kBugCheckData,
  kProcessorBlock,
  kBuildLab,
  kCsdVersion,
  kInitialPcr,
  kInitialThread,
  kPfnDatabase,
  kWorkerThread,
  kSystemProcess,
  kIdleProcess
};
constexpr std::uint64_t kPrcbInPcr = 0x180, kPrcbSize = 0x2480, kContextInPrcb = 0x120,
                        kContextSize = 0x4d0;
constexpr std::uint64_t kThreadSize = 0x410, kProcessSize = 0x3e0, kStackSize = 0x6000;

// LOADER_BLOCK of nt.h.
struct LoaderBlock {
  std::uint64_t kernel_base, pool, pool_size, idle_stack[2], worker_stack, stack_size, pcr1,
      driver_entry, received, received_size;
};

std::uint64_t g_table[17], g_stack_for_second;

std::uint64_t read64(std::uint64_t run) { return *reinterpret_cast<const std::uint64_t*>(run); }

Machine::Start second_start() {
  std::uint64_t thread = read64(g_table[kWorkerThread]);
  return {g_table[kStartSystemThread], read64(thread + 0x38), 0}; // KTHREAD.KernelStack
}

// A received NetBIOS session message: the header promises 0x2A8 bytes, 0x5C have come.
std::uint64_t receive_packet(std::uint64_t page_end) {
  static const std::uint8_t head[] = {0x00, 0x00, 0x02, 0xA8, 0xFF, 'S',  'M',  'B',
                                      0x2E, 0,    0,    0,    0,    0x98, 0x01, 0xC8};
  std::uint64_t start = page_end - 0x60;
  for (std::uint64_t i = 0; i < 0x60; ++i)
    *reinterpret_cast<std::uint8_t*>(start + i) =
        i < sizeof head ? head[i] : static_cast<std::uint8_t>(0x40 + i);
  return start;
}

// The saved CONTEXT: this process's segment selectors become the kernel's.
Bytes saved_context(const Machine& machine, std::uint64_t prcb) {
  Bytes context = machine.lifted(prcb + kContextInPrcb, kContextSize);
  static const std::uint16_t selectors[] = {0x10, 0x2b, 0x2b, 0x53, 0x2b, 0x18};
  std::memcpy(context.data() + 0x38, selectors, sizeof selectors);
  return context;
}

struct CpuState {
  std::uint64_t prcb = 0, rip = 0, rsp = 0; // run addresses
  Bytes prcb_bytes, context;
};

CpuState saved_cpu(const Machine& machine, std::uint64_t pcr) {
  CpuState out;
  out.prcb = pcr + kPrcbInPcr;
  out.rip = read64(out.prcb + kContextInPrcb + 0xf8);
  out.rsp = read64(out.prcb + kContextInPrcb + 0x98);
  out.prcb_bytes = machine.lifted(out.prcb, kPrcbSize);
  out.context = saved_context(machine, out.prcb);
  std::memcpy(out.prcb_bytes.data() + kContextInPrcb, out.context.data(), out.context.size());
  return out;
}

// Names as on a server of the time; only the two images of ours have code.  Bases, sizes and link
// times of the others are made up.
std::vector<dumptriage::synth::SynthDriver> drivers(const Image& nt, const Image& netbt) {
  const std::string system = "\\SystemRoot\\System32\\",
                    driver = "\\SystemRoot\\System32\\DRIVERS\\";
  return {
      {system + "ntoskrnl.exe", nt.base, nt.size, nt.timestamp, nt.checksum},
      {system + "hal.dll", 0xFFFFF80000800000, 0x4e000, 0x45D6C420, 0x51234},
      {system + "kdcom.dll", 0xFFFFFADF2E4E6000, 0x9000, 0x42438B57, 0x1021c},
      {"ACPI.sys", 0xFFFFFADF2E33B000, 0x64000, 0x45D69D61, 0x6a2f0},
      {"disk.sys", 0xFFFFFADF2E12E000, 0x13000, 0x45D69D02, 0x1a91e},
      {"NDIS.sys", 0xFFFFFADF2DEB4000, 0x61000, 0x45D69B4A, 0x6c077},
      {"Ntfs.sys", 0xFFFFFADF2DF9A000, 0x180000, 0x45D6A2B9, 0x18be12},
      {driver + "tdi.sys", 0xFFFFFADF2A3D6000, 0xa000, 0x42438D9C, 0x1107f},
      {driver + "tcpip.sys", 0xFFFFFADF29B30000, 0x113000, 0x45D69AAB, 0x11c3a0},
      {driver + "netbt.sys", netbt.base, netbt.size, netbt.timestamp, netbt.checksum},
      {driver + "afd.sys", 0xFFFFFADF299D5000, 0x59000, 0x45D69B12, 0x61fe8},
      {driver + "rdbss.sys", 0xFFFFFADF29815000, 0x58000, 0x45D6A1C4, 0x5cd01},
      {driver + "mrxsmb.sys", 0xFFFFFADF296F1000, 0xbe000, 0x45D6A1F0, 0xc4b6a},
      {driver + "srv.sys", 0xFFFFFADF27A3C000, 0x9c000, 0x45D6A260, 0x9d3f5},
  };
}

TriageDescription describe(const Machine& m, const Image& nt, const Image& netbt,
                           const CpuState& frozen, const CpuState& crashed,
                           std::uint64_t idle_stack) {
  TriageDescription d;
  std::uint64_t thread = read64(g_table[kWorkerThread]), process = read64(g_table[kSystemProcess]);
  d.build = 3790;
  d.directory_table_base = 0x8c7000;
  d.pfn_database = read64(g_table[kPfnDatabase]);
  d.ps_loaded_module_list = to_kernel(g_table[kLoadedModules]);
  d.ps_active_process_head = to_kernel(g_table[kActiveProcesses]);
  d.processors = 2;
  d.kd_debugger_data_block = to_kernel(g_table[kDebuggerData]);
  Bytes stop = m.lifted(g_table[kBugCheckData], 40);
  std::memcpy(&d.bugcheck_code, stop.data(), 4);
  std::memcpy(d.bugcheck_parameters.data(), stop.data() + 8, 32);
  d.context = crashed.context;
  d.exception = dumptriage::synth::exception_record(0x80000003, 1, to_kernel(crashed.rip), {0});
  d.required_dump_space = 0x20000;
  d.system_time = 0x1C98B67E6646000;     // 2009-02-10 10:11:12 UTC, FILETIME
  d.system_up_time = 0x000002596E3F7F40; // 2 days 23:45:12.5, 100 ns
  d.mini_dump_fields = 0xcff;
  d.product_type = 3;  // server
  d.suite_mask = 0x10; // VER_SUITE_TERMINAL
  d.service_pack_build = 0x200;
  d.unloaded = {{"imapi.sys", 0xFFFFFADF2A770000, 0xFFFFFADF2A77D000},
                {"kmixer.sys", 0xFFFFFADF26F10000, 0xFFFFFADF26F62000}};
  d.prcb = crashed.prcb_bytes;
  d.process = m.lifted(process, kProcessSize);
  d.thread = m.lifted(thread, kThreadSize);
  d.stack_start = to_kernel(crashed.rsp);
  d.stack = m.lifted(crashed.rsp, g_stack_for_second - crashed.rsp);
  d.drivers = drivers(nt, netbt);
  d.debugger_data = m.lifted(g_table[kDebuggerData], 0x318);
  auto block = [&](std::uint64_t run, std::uint64_t size) {
    d.blocks.push_back({to_kernel(run), m.lifted(run, size)});
  };
  block(g_table[kBuildLab], 0x40);
  block(g_table[kCsdVersion], 4);
  block(g_table[kBugCheckData], 40);
  block(g_table[kActiveProcesses], 16);
  block(g_table[kInitialThread], kThreadSize);
  block(g_table[kIdleProcess], kProcessSize);
  block(m.regions()[0].start, 0x600); // pool: the objects of the drivers
  block(to_run(d.bugcheck_parameters[0]) - 0x100, 0x100);
  block((to_run(d.bugcheck_parameters[3]) & ~0xFFull) - 0x100, 0x300); // code around the fault
  d.ki_processor_block = to_kernel(g_table[kProcessorBlock]);
  d.cpus = {{to_kernel(frozen.prcb),
             frozen.prcb_bytes,
             0,
             {},
             to_kernel(frozen.rsp),
             m.lifted(frozen.rsp, idle_stack - frozen.rsp)},
            {to_kernel(crashed.prcb), crashed.prcb_bytes, 0, {}, 0, {}}};
  return d;
}

std::string json_frames(const std::vector<TrueFrame>& frames,
                        const std::vector<const Image*>& images) {
  std::string out;
  for (const TrueFrame& f : frames) {
    std::uint64_t look = f.kind == "call" ? f.pc - 1 : f.pc;
    std::string module, function;
    std::uint64_t offset = 0;
    for (const Image* image : images) {
      if (look < image->base || look - image->base >= image->size) continue;
      auto after = image->functions.upper_bound(look - image->base);
      if (after == image->functions.begin()) continue;
      --after;
      module = image->name;
      function = after->second;
      offset = f.pc - image->base - after->first;
    }
    char line[400];
    std::snprintf(line, sizeof line,
                  "%s\n        {\"kind\": \"%s\", \"pc\": \"0x%016llx\", \"sp\": \"0x%016llx\", "
                  "\"module\": \"%s\", "
                  "\"function\": \"%s\", \"offset\": %llu}",
                  out.empty() ? "" : ",", f.kind.c_str(), static_cast<unsigned long long>(f.pc),
                  static_cast<unsigned long long>(f.sp), module.c_str(), function.c_str(),
                  static_cast<unsigned long long>(offset));
    out += line;
  }
  return out;
}

void write_file(const char* path, const void* data, std::size_t size) {
  std::ofstream(path, std::ios::binary)
      .write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: run_machine KERNEL_FOLDER OUT.dmp TRUTH.json\n");
    return 2;
  }
  Machine m;
  LoaderBlock block{};
  block.pool = m.map("pool", 0xFFFFFADFCA2E1000, 0x4000);
  block.pool_size = 0x4000;
  block.idle_stack[0] = m.map("idle stack 0", 0xFFFFFADFC8E20000, kStackSize) + kStackSize;
  block.idle_stack[1] = m.map("idle stack 1", 0xFFFFFADFC8E30000, kStackSize) + kStackSize;
  block.worker_stack = m.map("worker stack", 0xFFFFFADFC9C45000, kStackSize) + kStackSize;
  block.stack_size = kStackSize;
  block.pcr1 = m.map("pcr 1", 0xFFFFFADFC8F01000, 0x3000);
  std::uint64_t page = m.map("received", 0xFFFFFADFCB5FF000, 0x1000);
  block.received = receive_packet(page + 0x1000);
  block.received_size = 0x60;
  Image nt = m.load(argv[1], "ntoskrnl.exe", nullptr);
  Image netbt = m.load(argv[1], "netbt.sys", &nt);
  std::memcpy(g_table, reinterpret_cast<void*>(nt.exports.at("KiSampleTable")), sizeof g_table);
  block.kernel_base = to_run(nt.base);
  block.driver_entry = netbt.exports.at("DriverEntry");
  auto* placed = reinterpret_cast<LoaderBlock*>(m.map("loader block", 0xFFFFFADFC8D40000, 0x1000));
  *placed = block;
  g_stack_for_second = block.worker_stack;

  Machine::Vectors vectors;
  vectors.page_fault = g_table[kPageFault];
  vectors.ipi = g_table[kIpiInterrupt];
  vectors.pcr[0] = g_table[kInitialPcr];
  vectors.pcr[1] = block.pcr1;
  // As after a call: the return address is 0, the end of the stack.
  m.run(vectors,
        {g_table[kSystemStartup], block.idle_stack[0] - 0x48,
         reinterpret_cast<std::uint64_t>(placed)},
        second_start);

  CpuState frozen = saved_cpu(m, vectors.pcr[0]), crashed = saved_cpu(m, vectors.pcr[1]);
  Bytes dump = dumptriage::synth::write_triage64(
      describe(m, nt, netbt, frozen, crashed, block.idle_stack[0]));
  write_file(argv[2], dump.data(), dump.size());
  std::string truth =
      "{\n  \"made_by\": \"the CPU: call instructions watched while they ran\",\n  \"cpus\": [\n";
  truth += "    {\"number\": 0, \"frames\": [" +
           json_frames(m.true_stack(0, frozen.rip, frozen.rsp), {&nt, &netbt}) + "]},\n";
  truth += "    {\"number\": 1, \"frames\": [" +
           json_frames(m.true_stack(1, crashed.rip, crashed.rsp), {&nt, &netbt}) + "]}\n  ]\n}\n";
  write_file(argv[3], truth.data(), truth.size());
  return 0;
}
