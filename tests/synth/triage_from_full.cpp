#include "synth/triage_from_full.h"

#include <algorithm>
#include <set>

namespace dumptriage::synth {
namespace {

// Where the debugger data keeps what is needed here (wdbgexts.h, KDDEBUGGER_DATA64).
enum KdbgField : std::size_t {
  kPsLoadedModuleList = 0x48,
  kNtBuildLab = 0x208,
  kKiProcessorBlock = 0x218,
  kMmUnloadedDrivers = 0x220,
  kMmLastUnloadedDriver = 0x228,
  kCmNtCSDVersion = 0x268,
  kThreadInitialStack = 0x29e,
  kThreadApcProcess = 0x2a0,
  kSizeProcess = 0x2a8,
  kSizePrcb = 0x2b0,
  kPrcbCurrentThread = 0x2b4,
  kPrcbStateContext = 0x2bc,
  kSizeThread = 0x2c0,
  kPrcbContext = 0x338,
};

struct CpuState {
  SynthCpu cpu;
  std::vector<SynthBlock> rest; // of a KPRCB whose pages are not all in the dump
  std::uint64_t thread = 0;
  Bytes context;
  std::uint64_t sp = 0, pc = 0;
};

class Converter {
public:
  explicit Converter(const FullDump& dump) : dump_(dump), width_(dump.pointer_size()) {
    address_ = dump.header(dump.is64() ? 0x80 : 0x60, width_);
    Bytes head = dump.read_some(address_, 0x18);
    std::uint64_t size = number_at(head, 0x14, 4);
    if (std::string(head.begin(), head.end()).find("KDBG") == 0x10 && size <= 0x1000)
      kdbg_ = dump.read_some(address_, size);
  }
  TriageDescription describe();

private:
  std::uint64_t kdbg(KdbgField field, std::size_t size = 2) const {
    std::uint64_t value = number_at(kdbg_, field, size);
    return size == 2 && value == 0xffff ? 0
           : size == 8 && !dump_.is64() ? value & 0xffffffff
                                        : value;
  }
  // CONTEXT: its size, and where Rsp/Esp and Rip/Eip are.
  std::size_t context_size() const { return dump_.is64() ? 0x4d0 : 0x2cc; }
  std::uint64_t sp_of(const Bytes& context) const {
    return number_at(context, dump_.is64() ? 0x98 : 0xc4, width_);
  }
  std::uint64_t pc_of(const Bytes& context) const {
    return number_at(context, dump_.is64() ? 0xf8 : 0xb8, width_);
  }
  void header(TriageDescription& d) const;
  void drivers(TriageDescription& d) const;
  void unloaded(TriageDescription& d) const;
  std::vector<CpuState> cpus() const;
  std::vector<SynthBlock> parts(std::uint64_t address, std::uint64_t size) const;
  std::uint64_t stack_end(std::uint64_t sp, std::uint64_t thread) const;
  void crash(TriageDescription& d, const std::vector<CpuState>& states);
  void window(TriageDescription& d, std::uint64_t address, std::size_t before, std::size_t size);
  void windows_of(TriageDescription& d, const Bytes& bytes, std::size_t most);

  const FullDump& dump_;
  std::size_t width_;
  std::uint64_t address_ = 0;
  Bytes kdbg_;
  std::set<std::uint64_t> windows_; // starts of those that were taken
};

void Converter::header(TriageDescription& d) const {
  const bool wide = dump_.is64();
  auto filled = [&](std::size_t offset, std::size_t size) -> std::optional<std::uint64_t> {
    if (dump_.header(offset, 4) == 0x45474150) return std::nullopt;
    return dump_.header(offset, size);
  };
  auto filled32 = [&](std::size_t offset) -> std::optional<std::uint32_t> {
    if (auto value = filled(offset, 4)) return static_cast<std::uint32_t>(*value);
    return std::nullopt;
  };
  d.major_version = static_cast<std::uint32_t>(dump_.header(8, 4));
  d.build = dump_.build();
  d.directory_table_base = dump_.header(0x10, width_);
  d.pfn_database = dump_.header(wide ? 0x18 : 0x14, width_);
  d.ps_loaded_module_list = dump_.header(wide ? 0x20 : 0x18, width_);
  d.ps_active_process_head = dump_.header(wide ? 0x28 : 0x1c, width_);
  d.machine = static_cast<std::uint32_t>(dump_.header(wide ? 0x30 : 0x20, 4));
  d.processors = static_cast<std::uint32_t>(dump_.header(wide ? 0x34 : 0x24, 4));
  d.bugcheck_code = static_cast<std::uint32_t>(dump_.header(wide ? 0x38 : 0x28, 4));
  for (std::size_t i = 0; i < 4; ++i)
    d.bugcheck_parameters[i] = dump_.header((wide ? 0x40 : 0x2c) + width_ * i, width_);
  if (!wide && dump_.header(0x5c, 1) <= 1) d.pae_enabled = dump_.header(0x5c, 1) == 1;
  d.kd_debugger_data_block = address_;
  const Bytes header = dump_.header_bytes();
  auto slice = [&](std::size_t offset, std::size_t size) {
    return Bytes(header.begin() + static_cast<std::ptrdiff_t>(offset),
                 header.begin() + static_cast<std::ptrdiff_t>(offset + size));
  };
  d.context = slice(wide ? 0x348 : 0x320, context_size());
  d.exception = slice(wide ? 0xf00 : 0x7d0, wide ? 0x98 : 0x50);
  d.system_time = filled(wide ? 0xfa8 : 0xfc0, 8);
  d.system_up_time = filled(wide ? 0x1030 : 0xfb8, 8);
  d.mini_dump_fields = 0xcff;
  d.product_type = filled32(wide ? 0x1040 : 0xf94);
  d.suite_mask = filled32(wide ? 0x1044 : 0xf98);
  d.writer_status = filled32(wide ? 0x1048 : 0xf9c);
  d.attributes = filled32(wide ? 0x1050 : 0x8a0);
}

// The module list: DllBase, SizeOfImage, names and CheckSum of a KLDR_DATA_TABLE_ENTRY; the time
// stamp of the image's own header.
void Converter::drivers(TriageDescription& d) const {
  const bool wide = dump_.is64();
  std::uint64_t head = d.ps_loaded_module_list;
  auto entry = dump_.pointer(head);
  for (int i = 0; i < 1000 && entry && *entry != head; ++i, entry = dump_.pointer(*entry)) {
    SynthDriver driver;
    driver.base = dump_.pointer(*entry + (wide ? 0x30 : 0x18)).value_or(0);
    driver.size =
        static_cast<std::uint32_t>(dump_.number(*entry + (wide ? 0x40 : 0x20), 4).value_or(0));
    driver.path = dump_.unicode_string(*entry + (wide ? 0x48 : 0x24));
    driver.checksum =
        static_cast<std::uint32_t>(dump_.number(*entry + (wide ? 0x78 : 0x40), 4).value_or(0));
    auto pe = dump_.number(driver.base + 0x3c, 4);
    if (pe)
      driver.timestamp =
          static_cast<std::uint32_t>(dump_.number(driver.base + *pe + 8, 4).value_or(0));
    d.drivers.push_back(std::move(driver));
  }
}

// MmUnloadedDrivers: 50 slots; the newest first, as a triage dump has them.
void Converter::unloaded(TriageDescription& d) const {
  constexpr std::uint64_t kSlots = 50;
  const std::size_t size = dump_.is64() ? 0x28 : 0x18;
  auto array = dump_.pointer(kdbg(kMmUnloadedDrivers, 8));
  auto next = dump_.number(kdbg(kMmLastUnloadedDriver, 8), 4);
  if (!array || *array == 0 || !next || *next > kSlots) return;
  for (std::uint64_t i = 0; i < kSlots; ++i) {
    std::uint64_t slot = *array + size * ((*next + kSlots - 1 - i) % kSlots);
    SynthUnloaded driver;
    driver.name = dump_.unicode_string(slot);
    driver.start = dump_.pointer(slot + 2 * width_).value_or(0);
    driver.end = dump_.pointer(slot + 3 * width_).value_or(0);
    if (!driver.name.empty() && driver.start != 0) d.unloaded.push_back(std::move(driver));
  }
}

// A stack ends at the page behind its thread's InitialStack; other stacks (DPC, double fault) at
// the first page that is not there, 24 KB away at most.
std::uint64_t Converter::stack_end(std::uint64_t sp, std::uint64_t thread) const {
  const std::uint64_t offset = kdbg(kThreadInitialStack);
  const std::uint64_t initial = offset && thread ? dump_.pointer(thread + offset).value_or(0) : 0;
  if (sp <= initial && initial - sp < 0x10000) return (initial + 0xfff) & ~std::uint64_t{0xfff};
  std::uint64_t end = (sp & ~std::uint64_t{0xfff}) + 0x1000;
  while (end - sp < 0x6000 && dump_.physical(end)) end += 0x1000;
  return end;
}

// The stretches of some memory that the dump has.
std::vector<SynthBlock> Converter::parts(std::uint64_t address, std::uint64_t size) const {
  std::vector<SynthBlock> out;
  for (std::uint64_t at = address; at < address + size;) {
    Bytes bytes = dump_.read_some(at, address + size - at);
    if (bytes.empty()) {
      at = (at & ~std::uint64_t{0xfff}) + 0x1000;
      continue;
    }
    out.push_back({at, std::move(bytes)});
    at += out.back().bytes.size();
  }
  return out;
}

std::vector<CpuState> Converter::cpus() const {
  std::vector<CpuState> out;
  const std::uint64_t array = kdbg(kKiProcessorBlock, 8),
                      count = dump_.header(dump_.is64() ? 0x34 : 0x24, 4);
  if (array == 0 || kdbg(kSizePrcb) == 0) return out;
  for (std::uint64_t i = 0; i < count && i < 64; ++i) {
    CpuState state;
    auto prcb = dump_.pointer(array + i * width_);
    if (!prcb || *prcb == 0) continue;
    state.cpu.prcb_address = *prcb;
    state.rest = parts(*prcb, kdbg(kSizePrcb));
    if (!state.rest.empty() && state.rest.front().address == *prcb) {
      state.cpu.prcb = std::move(state.rest.front().bytes);
      state.rest.erase(state.rest.begin());
    }
    state.thread = dump_.pointer(*prcb + kdbg(kPrcbCurrentThread)).value_or(0);
    if (kdbg(kPrcbContext)) {
      state.cpu.context_address = dump_.pointer(*prcb + kdbg(kPrcbContext)).value_or(0);
      state.context = state.cpu.context =
          dump_.read_some(state.cpu.context_address, context_size());
    } else if (kdbg(kPrcbStateContext)) {
      state.context = dump_.read_some(*prcb + kdbg(kPrcbStateContext), context_size());
    }
    state.sp = sp_of(state.context);
    state.pc = pc_of(state.context);
    if (state.sp != 0) {
      state.cpu.stack_start = state.sp;
      state.cpu.stack = dump_.read_some(state.sp, stack_end(state.sp, state.thread) - state.sp);
    }
    out.push_back(std::move(state));
  }
  return out;
}

// The parts of the crashed CPU: the one that saved what the header shows, else the one whose saved
// stack pointer lies nearest below the header's.
void Converter::crash(TriageDescription& d, const std::vector<CpuState>& states) {
  const std::uint64_t sp = sp_of(d.context);
  const CpuState* crashed = nullptr;
  for (const CpuState& state : states)
    if (state.sp <= sp && sp - state.sp < 0x6000 && (!crashed || state.sp > crashed->sp))
      crashed = &state;
  if (!crashed && !states.empty()) crashed = &states.front();
  std::uint64_t thread = crashed ? crashed->thread : 0;
  d.stack_start = crashed && crashed->sp ? crashed->sp : sp;
  d.stack = dump_.read_some(d.stack_start, stack_end(d.stack_start, thread) - d.stack_start);
  if (!crashed) return;
  d.prcb = crashed->cpu.prcb;
  if (thread == 0) return;
  d.thread = dump_.read_some(thread, kdbg(kSizeThread));
  std::uint64_t process =
      kdbg(kThreadApcProcess) ? dump_.pointer(thread + kdbg(kThreadApcProcess)).value_or(0) : 0;
  if (process) d.process = dump_.read_some(process, kdbg(kSizeProcess));
}

// A piece of memory around an address, once.
void Converter::window(TriageDescription& d, std::uint64_t address, std::size_t before,
                       std::size_t size) {
  std::uint64_t start = (address - before) & ~std::uint64_t{15};
  if (!windows_.insert(start / 128).second) return;
  Bytes bytes = dump_.read_some(start, size);
  if (bytes.empty()) return;
  d.blocks.push_back({start, std::move(bytes)});
}

// Windows of 256 bytes around the kernel pointers among the words of some bytes.
void Converter::windows_of(TriageDescription& d, const Bytes& bytes, std::size_t most) {
  for (std::size_t i = 0; i + width_ <= bytes.size() && most > 0; i += width_) {
    std::uint64_t value = number_at(bytes, i, width_);
    bool kernel = dump_.is64() ? value >> 47 == 0x1ffff : value >> 31 == 1;
    if (!kernel || !dump_.physical(value)) continue;
    window(d, value, 128, 256);
    --most;
  }
}

TriageDescription Converter::describe() {
  TriageDescription d;
  header(d);
  drivers(d);
  unloaded(d);
  d.debugger_data = kdbg_;
  std::vector<CpuState> states = cpus();
  crash(d, states);
  d.ki_processor_block = states.empty() ? 0 : kdbg(kKiProcessorBlock, 8);
  for (const CpuState& state : states) {
    d.cpus.push_back(state.cpu);
    d.blocks.insert(d.blocks.end(), state.rest.begin(), state.rest.end());
  }
  // Variables of the kernel.
  if (std::uint64_t lab = kdbg(kNtBuildLab, 8)) window(d, lab, 0, 0x100);
  if (std::uint64_t csd = kdbg(kCmNtCSDVersion, 8)) window(d, csd, 0, 32);
  // Before Vista the header repeats CmNtCSDVersion.
  if (d.build < 6000)
    if (auto csd = dump_.number(kdbg(kCmNtCSDVersion, 8), 4))
      d.service_pack_build = static_cast<std::uint32_t>(*csd);
  // The code at the crash: its page on x64.
  const std::uint64_t pc = pc_of(d.context);
  if (Bytes code = dump_.read_some(pc & ~std::uint64_t{0xfff}, 0x1000); !code.empty())
    d.blocks.push_back({pc & ~std::uint64_t{0xfff}, std::move(code)});
  windows_of(d, d.context, 64);
  windows_of(d, d.stack, 512);
  for (const CpuState& state : states) {
    windows_of(d, state.context, 64);
    windows_of(d, state.cpu.stack, 512);
  }
  return d;
}

} // namespace

TriageDescription describe_triage(const FullDump& dump) { return Converter(dump).describe(); }

Bytes triage_dump(const FullDump& dump) {
  TriageDescription d = describe_triage(dump);
  return dump.is64() ? write_triage64(d) : write_triage32(d);
}

} // namespace dumptriage::synth
