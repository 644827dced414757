// The same stack on every CPU: one function that has called itself until 100 frames stand, walked
// with its unwind data; and walks over garbage.  Everything is made here.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <random>

#include "arch/alpha.h"
#include "arch/ia64.h"
#include "stack/stack.h"
#include "symbols/module_set.h"
#include "synth/cpu_contexts.h"
#include "synth/pe_writer.h"

using namespace dumptriage;
using arch::Machine;
using synth::Bytes;

namespace {

constexpr std::uint64_t kBase = 0x10000000, kStack = 0x20000000, kStore = 0x30000000;
constexpr std::uint32_t kText = 0x2000, kPdata = 0x6000, kXdata = 0x8000;
constexpr std::size_t kFrames = 100, kRuns = 400, kGarbage = 2000;

// One CPU's function, of which each frame has `size` bytes of stack; the return address lies in
// them at `saved`, and at `chain` the frame pointer of the caller.
struct Cpu {
  Machine machine;
  std::uint16_t file_machine;
  Bytes code, table, info;
  std::uint32_t returns; // offset in the code
  std::uint32_t size, saved, chain;
};

Bytes words(std::initializer_list<std::uint32_t> values) {
  Bytes out;
  for (std::uint32_t value : values) synth::put32(out, out.size(), value);
  return out;
}

// Itanium: nops, a call of the function itself, nops; of each bundle the template MBB with a stop.
Bytes itanium_code() {
  const std::uint64_t nop_m = 1ull << 27, nop_b = 2ull << 37;
  const std::uint64_t call = 5ull << 37 | 0xFFFFFull << 13 | 1ull << 36; // one bundle back
  Bytes out;
  for (std::uint64_t second : {nop_b, call, nop_b}) {
    synth::put64(out, out.size(), 0x13 | nop_m << 5 | second << 46);
    synth::put64(out, out.size(), second >> 18 | nop_b << 23);
  }
  return out;
}

std::vector<Cpu> cpus() {
  constexpr std::uint32_t kBegin = kText, kVa = kBase + kText;
  return {
      // push rbx; sub rsp, 20h; call self; add rsp, 20h; pop rbx; ret
      {Machine::x64,
       0x8664,
       {0x53, 0x48, 0x83, 0xEC, 0x20, 0xE8, 0xF6, 0xFF, 0xFF, 0xFF, 0x48, 0x83, 0xC4, 0x20, 0x5B,
        0xC3},
       words({kBegin, kBegin + 16, kXdata}),
       {1, 5, 2, 0, 5, 0x32, 1, 0x30},
       10,
       0x30,
       0x28,
       0},
      // push ebp; mov ebp, esp; sub esp, 10h; call self; mov esp, ebp; pop ebp; ret
      {Machine::x86,
       0x14C,
       {0x55, 0x8B, 0xEC, 0x83, 0xEC, 0x10, 0xE8, 0xF5, 0xFF, 0xFF, 0xFF, 0x8B, 0xE5, 0x5D, 0xC3},
       {},
       {},
       11,
       0x18,
       0x14,
       0x10},
      // stp x29, x30, [sp, -32]!; mov x29, sp; bl self; ldp x29, x30, [sp], 32; ret.  Packed data.
      {Machine::arm64,
       0xAA64,
       words({0xA9BE7BFD, 0x910003FD, 0x97FFFFFE, 0xA8C27BFD, 0xD65F03C0}),
       words({kBegin, 1 | 5 << 2 | 3 << 21 | 2 << 23}),
       {},
       12,
       32,
       8,
       0},
      // lda sp, -32(sp); stq ra, 0(sp); bsr ra, self; ldq ra, 0(sp); lda sp, 32(sp); ret
      {Machine::alpha,
       0x184,
       words({0x23DEFFE0, 0xB75E0000, 0xD35FFFFD, 0xA75E0000, 0x23DE0020, 0x6BFA8001}),
       words({kVa, kVa + 24, 0, 0, kVa + 8}),
       {},
       12,
       32,
       0,
       16},
      // rp in r32, ar.pfs in r33, 32 bytes of memory stack
      {Machine::ia64,
       0x200,
       itanium_code(),
       words({kBegin, kBegin + 48, kXdata}),
       {3,    0,    0,    0,    2,    0,    0,    0, 0x46, 0x20, 0x03, 0xE6,
        0x00, 0xE4, 0x01, 0xE0, 0x02, 0x02, 0x26, 0, 0,    0,    0,    0},
       32,
       32,
       16,
       24}};
}

struct Scene {
  const arch::Arch* arch = nullptr;
  Bytes image, stack, store;
  std::shared_ptr<memory::FlatRanges> memory = std::make_shared<memory::FlatRanges>();
  dump::Module module;
  arch::Registers start;

  void seal() {
    memory->add(kBase, ByteView(image.data(), image.size()));
    memory->add(kStack, ByteView(stack.data(), stack.size()));
    memory->add(kStore, ByteView(store.data(), store.size()));
    memory->seal();
    module.path = "program.exe";
    module.base = kBase;
    module.size = static_cast<std::uint32_t>(image.size());
  }
  symbols::ModuleSet modules() const {
    return symbols::ModuleSet({module}, memory, arch->machine, nullptr);
  }
  stack::Stack walk(symbols::ModuleSet& modules) const {
    return stack::walk(start, *arch, modules, kStack, kStack + stack.size());
  }
};

Bytes image_of(const Cpu& cpu, Bytes text, Bytes table, Bytes info) {
  const int size = arch::pointer_size_of(cpu.machine);
  synth::PeWriter pe(size == 8);
  pe.machine = cpu.file_machine;
  pe.base = kBase;
  pe.section(".text", kText, std::move(text), synth::kCodeSection);
  if (!table.empty()) {
    const auto bytes = static_cast<std::uint32_t>(table.size());
    pe.section(".pdata", kPdata, std::move(table), synth::kConstSection);
    pe.directory(3, kPdata, bytes);
  }
  info.resize(std::max<std::size_t>(info.size(), 16));
  pe.section(".xdata", kXdata, std::move(info), synth::kConstSection);
  return pe.memory();
}

// Itanium's markers: 3 registers of the function's own and one that it hands on.
constexpr std::uint64_t kMarker = 4 | 3 << 7;

void start_registers(Scene& scene, std::uint64_t pc, std::uint64_t sp, std::uint64_t word) {
  arch::Registers& r = scene.start;
  for (int i = 0; i < (scene.arch->machine == Machine::ia64 ? arch::Registers::kCount : 16); ++i)
    r.set(i, word);
  r.set(scene.arch->pc, pc);
  r.set(scene.arch->sp, sp);
  if (scene.arch->link >= 0) r.set(scene.arch->link, pc);
}

Scene sound(const Cpu& cpu) {
  Scene scene;
  scene.arch = arch::find(cpu.machine);
  const unsigned width = cpu.machine == Machine::x86 ? 4 : 8;
  const std::uint64_t returns = kBase + kText + cpu.returns;
  scene.stack.resize(kFrames * cpu.size + 64);
  std::uint64_t bsp = kStore;
  for (std::size_t i = 0; i < kFrames; ++i) { // i: outermost first on the store, last on the stack
    const std::size_t at = i * cpu.size;
    const bool last = i + 1 == kFrames;
    if (cpu.machine != Machine::ia64)
      synth::put(scene.stack, at + cpu.saved, last ? 0 : returns, width);
    synth::put(scene.stack, at + cpu.chain, last ? 0 : kStack + at + cpu.size + cpu.chain, width);
    if (cpu.machine != Machine::ia64) continue;
    if (i > 0) bsp = synth::skip_registers(bsp, 3);
    synth::put64(scene.store, bsp - kStore, i == 0 ? 0 : returns);
    synth::put64(scene.store, synth::skip_registers(bsp, 1) - kStore, kMarker);
  }
  const std::uint64_t top = synth::skip_registers(bsp, 4);
  scene.store.resize(top - kStore);
  scene.image = image_of(cpu, cpu.code, cpu.table, cpu.info);
  // At the call, or behind it where one has returned.
  start_registers(scene, returns - (cpu.machine == Machine::ia64 ? 16 : 0), kStack, 0);
  if (scene.arch->fp >= 0) scene.start.set(scene.arch->fp, kStack + cpu.chain);
  if (cpu.machine == Machine::ia64) {
    scene.start.set(arch::kIa64Ifs, kMarker);
    scene.start.set(arch::kIa64Bsp, bsp);
    scene.start.set(arch::kIa64BspStore, top);
  }
  scene.seal();
  return scene;
}

// Code, unwind data and stacks of random bytes; half of the words on the stacks point into code.
Scene garbage(const Cpu& cpu, std::uint64_t seed) {
  Scene scene;
  scene.arch = arch::find(cpu.machine);
  std::mt19937_64 random(seed);
  const auto fill = [&](std::size_t size, bool pointers) {
    Bytes out;
    const unsigned width = pointers ? cpu.machine == Machine::x86 ? 4 : 8 : 8;
    while (out.size() < size) {
      const std::uint64_t word = random();
      synth::put(out, out.size(),
                 pointers && word % 2 ? kBase + kText + random() % 0x3FF0 / 4 * 4 : word, width);
    }
    return out;
  };
  Bytes table;
  for (std::uint32_t at = 0; at + 0x400 <= 0x4000 && !cpu.table.empty(); at += 0x400) {
    Bytes row = cpu.table;
    const std::uint32_t base = cpu.machine == Machine::alpha ? kBase + kText : kText;
    synth::put32(row, 0, base + at);
    if (cpu.machine == Machine::arm64)
      synth::put32(row, 4, kXdata + random() % 0x200 * 4);
    else
      synth::put32(row, 4, base + at + 0x400);
    if (cpu.machine == Machine::x64 || cpu.machine == Machine::ia64)
      synth::put32(row, 8, kXdata + random() % 0x200 * 8);
    if (cpu.machine == Machine::alpha) synth::put32(row, 16, base + at + random() % 0x100 * 4);
    synth::append(table, row);
  }
  Bytes info = fill(0x4000, false);
  if (cpu.machine == Machine::ia64) // heads that are believed: the descriptors are to be read
    for (std::size_t at = 0; at + 8 <= 0x1000; at += 8) {
      synth::put32(info, at, 3);
      synth::put32(info, at + 4, 1 + random() % 64);
      at += 8 * (random() % 4);
    }
  scene.image = image_of(cpu, fill(0x4000, false), table, info);
  scene.stack = fill(0x8000, true);
  scene.store = fill(0x8000, true);
  start_registers(scene, kBase + kText + random() % 0x3FF0 / 16 * 16, kStack + random() % 64 * 16,
                  kStack + random() % 0x1000 * 8);
  if (cpu.machine == Machine::ia64) {
    scene.start.set(arch::kIa64Ifs, random() % 97);
    scene.start.set(arch::kIa64Bsp, kStore + 0x2000 + random() % 0x800 * 8);
    scene.start.set(arch::kIa64BspStore, kStore + 0x7000);
  }
  scene.seal();
  return scene;
}

// CPU time of this thread: the machine is shared.
double us(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  };
  const double start = now();
  work();
  return now() - start;
}

bool measure(const Cpu& cpu) {
  const Scene scene = sound(cpu);
  double first = 1e12, again = 1e12;
  std::size_t sure = 0;
  for (std::size_t i = 0; i < kRuns; ++i) {
    symbols::ModuleSet modules = scene.modules();
    first = std::min(first, us([&] { sure = scene.walk(modules).sure_frames; }));
    again = std::min(again, us([&] { scene.walk(modules); }));
  }
  double worst = 0, sum = 0;
  std::size_t frames = 0;
  for (std::size_t i = 0; i < kGarbage; ++i) {
    const Scene bad = garbage(cpu, i);
    double time = 1e12;
    for (int run = 0; run < 3; ++run) {
      symbols::ModuleSet modules = bad.modules();
      std::size_t found = 0;
      time = std::min(time, us([&] { found = bad.walk(modules).frames.size(); }));
      if (run == 0) frames += found;
    }
    worst = std::max(worst, time);
    sum += time;
  }
  std::printf("%-6s %3zu sure  %8.1f us %6.2f us a frame   again %8.1f us %6.2f us a frame   "
              "garbage: %7.1f us, worst %7.1f us, %5.1f frames\n",
              std::string(arch::name_of(cpu.machine)).c_str(), sure, first, first / kFrames, again,
              again / kFrames, sum / kGarbage, worst, static_cast<double>(frames) / kGarbage);
  if (sure != kFrames) {
    symbols::ModuleSet modules = scene.modules();
    const stack::Stack stack = scene.walk(modules);
    std::printf("       the walk ends too soon: %s; %s\n", stack.sure_ended.c_str(),
                stack.ended.c_str());
  }
  return sure == kFrames;
}

} // namespace

int main() {
  bool good = true;
  for (const Cpu& cpu : cpus()) good &= measure(cpu);
  return good ? 0 : 1;
}
