// A snapshot drawn from the input: odd stops, parameters, contexts, overlapping and doubled
// modules, stacks whose counts lie.  Everything that evidence works out from it must come back,
// with unique ids.
#include <cstring>
#include <set>

#include "evidence/evidence.h"

namespace {

using namespace dumptriage;

class Source {
public:
  Source(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  std::uint64_t word() {
    std::uint64_t value = 0;
    const std::uint8_t shape = byte();
    for (int i = 0; i < (shape & 7) + 1; ++i) value = value << 8 | byte();
    if ((shape & 8) != 0) value |= 0xFFFFF80000000000;
    return (shape & 16) != 0 ? ~value : value;
  }
  // Addresses that have a chance to hit something.
  std::uint64_t address(const std::vector<dump::Module>& modules) {
    if (modules.empty() || (byte() & 1) != 0) return word();
    return modules[byte() % modules.size()].base + word() % 0x20000;
  }
  bool empty() const { return left_ == 0; }

private:
  const std::uint8_t* data_;
  std::size_t left_;
};

constexpr const char* kNames[] = {
    "ntoskrnl.exe", "C:\\a\\ntdll.dll", "netbt.sys",          "", "\xEF\xBF\xBD",
    "a*b",          "/lib/libc.so.6",   "SysWOW64\\wow64.dll"};
constexpr const char* kFunctions[] = {
    "", "memcpy", "KeBugCheckEx", "ExFreePoolWithTag", "std::x<y>(z)", "f"};
constexpr std::uint32_t kCodes[] = {
    0xD1, 0xA,   0x50,       0x1000007E, 0x7F,       0x1E,       0x3B, 0xFC, 0x116,
    0xC2, 0x139, 0xC0000005, 0xC00000FD, 0xC0000409, 0xE06D7363, 11,   1,    0};

arch::Registers registers(Source& in, const std::vector<dump::Module>& modules) {
  arch::Registers values;
  for (int i = 0; i < 17; ++i) {
    if ((in.byte() & 7) != 0) values.set(i, in.address(modules));
  }
  return values;
}

void fill_stop(Source& in, system::Snapshot& s) {
  s.stop.kind = static_cast<system::StopKind>(in.byte() % 4);
  s.stop.code = kCodes[in.byte() % std::size(kCodes)];
  for (int i = in.byte() % 6; i > 0; --i) s.stop.parameters.push_back(in.address(s.modules));
  if ((in.byte() & 1) != 0) {
    dump::ExceptionRecord record;
    record.code = kCodes[in.byte() % std::size(kCodes)];
    record.flags = in.byte();
    record.address = in.address(s.modules);
    for (int i = in.byte() % 5; i > 0; --i) record.parameters.push_back(in.word());
    s.stop.exception = record;
  }
  if ((in.byte() & 1) != 0) s.stop.fault_context = registers(in, s.modules);
}

stack::Stack walk(Source& in, const system::Snapshot& s) {
  stack::Stack stack;
  for (int i = in.byte() % 12; i > 0; --i) {
    stack::Frame frame;
    frame.pc = in.address(s.modules);
    frame.exact_pc = (in.byte() & 3) == 0;
    frame.trust = static_cast<arch::Trust>(in.byte() % 7);
    if ((in.byte() & 1) != 0) frame.module = in.byte() % 9; // may be out of range
    if ((in.byte() & 1) != 0) {
      symbols::NamedSymbol named;
      named.symbol.function = kFunctions[in.byte() % std::size(kFunctions)];
      named.symbol.rva = static_cast<std::uint32_t>(in.word());
      named.exact = (in.byte() & 1) != 0;
      frame.symbol = named;
    }
    frame.registers = registers(in, s.modules);
    stack.frames.push_back(frame);
  }
  stack.sure_frames = in.byte() % 16; // may lie
  stack.whole = (in.byte() & 1) != 0;
  return stack;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Source in(data, size);
  system::Snapshot s;
  const std::uint8_t kind = in.byte();
  s.machine = (kind & 1) != 0   ? arch::Machine::x64
              : (kind & 2) != 0 ? arch::Machine::x86
                                : arch::Machine::arm64;
  s.kernel = (kind & 4) != 0;
  constexpr const char* kFamilies[] = {"ws2003", "linux", "macos", ""};
  s.os.family = kFamilies[kind >> 3 & 3];
  if ((kind & 32) != 0) s.os.processors = in.byte();
  for (int i = in.byte() % 8; i > 0; --i) {
    dump::Module module;
    module.path = kNames[in.byte() % std::size(kNames)];
    module.base = in.word();
    module.size = in.word();
    s.modules.push_back(module);
  }
  if ((in.byte() & 1) != 0) s.unloaded_modules.push_back({"gone.sys", in.word(), in.word(), 0, 0});
  fill_stop(in, s);
  std::vector<stack::Stack> stacks;
  for (int i = in.byte() % 4; i > 0; --i) {
    system::ThreadState thread;
    thread.id = std::to_string(in.byte() % 3);
    thread.crashed = (in.byte() & 1) != 0;
    if ((in.byte() & 1) != 0) thread.cpu = in.byte();
    thread.stack_low = in.word();
    thread.stack_high = in.word();
    s.threads.push_back(thread);
    if ((in.byte() & 7) != 0) stacks.push_back(walk(in, s)); // may be fewer than threads
  }
  auto memory = std::make_shared<memory::FlatRanges>();
  std::vector<std::uint8_t> code(16);
  for (auto& byte : code) byte = in.byte();
  memory->add(in.address(s.modules), ByteView(code.data(), code.size()));
  memory->seal();
  s.memory = memory;
  symbols::ModuleSet modules(s.modules, memory, s.machine, nullptr);
  const evidence::Input input{s, stacks, modules};

  auto set = evidence::extract(input);
  std::set<std::string> ids;
  for (const auto& fact : set.facts) {
    if (!ids.insert(fact.id).second) __builtin_trap();
  }
  evidence::make_bucket(input, evidence::describe_stop(input), evidence::find_blame(input));
  return 0;
}
