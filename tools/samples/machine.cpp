#include "machine.h"

#include <asm/prctl.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <utility>

namespace samples {
namespace {

constexpr greg_t kTrapFlag = 0x100, kInterruptFlag = 0x200;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "run_machine: %s\n", what.c_str());
  std::_Exit(1);
}

struct Entry { // one live return address or machine frame
  bool trap = false;
  std::uint64_t slot = 0, pc = 0, sp = 0;
};
struct Cpu {
  gregset_t regs{};
  bool started = false, halted = false, interrupts = true;
  std::uint64_t cr2 = 0, cr3 = 0x8c7000, cr8 = 0;
  std::vector<Entry> stack;
};
// The signal handlers need plain globals.
struct {
  Cpu cpu[2];
  int current = -1;
  Machine::Vectors vectors;
  Machine::Start first;
  Machine::Start (*second_start)() = nullptr;
  gregset_t host{};
  bool stopped = false;
} g;

std::uint64_t& word(std::uint64_t run) { return *reinterpret_cast<std::uint64_t*>(run); }

void switch_to(int cpu, ucontext_t* u) {
  if (g.current >= 0) std::memcpy(g.cpu[g.current].regs, u->uc_mcontext.gregs, sizeof(gregset_t));
  g.current = cpu;
  Cpu& c = g.cpu[cpu];
  if (!c.started) {
    Machine::Start start = cpu == 0 ? g.first : g.second_start();
    std::memcpy(c.regs, g.host, sizeof(gregset_t)); // segments
    for (int r = REG_R8; r <= REG_RCX; ++r) c.regs[r] = 0;
    c.regs[REG_RIP] = static_cast<greg_t>(start.rip);
    c.regs[REG_RSP] = static_cast<greg_t>(start.rsp);
    c.regs[REG_RCX] = static_cast<greg_t>(start.argument);
    c.regs[REG_EFL] = 0x202 | kTrapFlag;
    c.started = true;
  }
  std::memcpy(u->uc_mcontext.gregs, c.regs, sizeof(gregset_t));
  syscall(SYS_arch_prctl, ARCH_SET_GS, g.vectors.pcr[cpu]);
}

// What the CPU does on an interrupt or fault from kernel mode in 64-bit mode: aligns the stack,
// pushes SS, RSP, RFLAGS, CS, RIP and perhaps an error code, masks interrupts, goes to the handler.
void deliver(greg_t* r, std::uint64_t handler, const std::uint64_t* error_code) {
  Cpu& c = g.cpu[g.current];
  std::uint64_t old_rsp = static_cast<std::uint64_t>(r[REG_RSP]);
  std::uint64_t flags =
      (static_cast<std::uint64_t>(r[REG_EFL]) & ~0x300ull) | (c.interrupts ? 0x200 : 0) | 2;
  std::uint64_t sp = old_rsp & ~0xFull;
  auto push = [&](std::uint64_t v) { word(sp -= 8) = v; };
  push(0x18); // kernel data
  push(old_rsp);
  push(flags);
  push(0x10); // kernel code
  push(static_cast<std::uint64_t>(r[REG_RIP]));
  c.stack.push_back({true, sp, static_cast<std::uint64_t>(r[REG_RIP]), old_rsp});
  if (error_code) push(*error_code);
  r[REG_RSP] = static_cast<greg_t>(sp);
  r[REG_RIP] = static_cast<greg_t>(handler);
  r[REG_EFL] = 0x2 | kTrapFlag | kInterruptFlag;
  c.interrupts = false;
}

// Registers by their number in an instruction.
greg_t& numbered(greg_t* r, int n) {
  static constexpr int kOrder[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                     REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                     REG_R12, REG_R13, REG_R14, REG_R15};
  return r[kOrder[n]];
}

// `hlt`: CPU 0 waits (idle, or frozen) and the other CPU goes on; CPU 1 with interrupts off is the
// end.
void halt(ucontext_t* u) {
  Cpu& c = g.cpu[g.current];
  c.halted = true;
  if (g.current == 0) return switch_to(1, u);
  if (c.interrupts) die("CPU 1 idles; it should have stopped the machine");
  g.stopped = true;
  std::memcpy(c.regs, u->uc_mcontext.gregs, sizeof(gregset_t));
  std::memcpy(u->uc_mcontext.gregs, g.host, sizeof(gregset_t));
}

// mov between a control register and a general one.  False: not such an instruction.
bool move_control(greg_t* r, const std::uint8_t* i) {
  int rex = (*i & 0xF0) == 0x40 ? *i++ : 0;
  if (i[0] != 0x0F || (i[1] != 0x20 && i[1] != 0x22)) return false;
  Cpu& c = g.cpu[g.current];
  int control = ((i[2] >> 3) & 7) | (rex & 4 ? 8 : 0), general = (i[2] & 7) | (rex & 1 ? 8 : 0);
  std::uint64_t* value = control == 2   ? &c.cr2
                         : control == 3 ? &c.cr3
                         : control == 8 ? &c.cr8
                                        : nullptr;
  if (!value) die("an unexpected control register");
  if (i[1] == 0x20)
    numbered(r, general) = static_cast<greg_t>(*value);
  else
    *value = static_cast<std::uint64_t>(numbered(r, general));
  r[REG_RIP] += 3 + (rex ? 1 : 0);
  return true;
}

void privileged(ucontext_t* u) {
  greg_t* r = u->uc_mcontext.gregs;
  const auto* i = reinterpret_cast<const std::uint8_t*>(r[REG_RIP]);
  Cpu& c = g.cpu[g.current];
  if (*i == 0xFA || *i == 0xFB) { // cli, sti
    c.interrupts = *i == 0xFB;
    r[REG_RIP] += 1;
  } else if (*i == 0xF4) { // hlt
    r[REG_RIP] += 1;
    halt(u);
  } else if (i[0] == 0x0F && i[1] == 0x30) { // wrmsr: the interprocessor interrupt
    r[REG_RIP] += 2;
    if (r[REG_RCX] != 0x830 || !g.cpu[0].halted) die("an interrupt that nobody waits for");
    switch_to(0, u);
    g.cpu[0].halted = false;
    deliver(u->uc_mcontext.gregs, g.vectors.ipi, nullptr);
  } else if (!move_control(r, i)) {
    die("an unexpected privileged instruction");
  }
}

void on_fault(int, siginfo_t* info, void* context) {
  auto* u = static_cast<ucontext_t*>(context);
  greg_t* r = u->uc_mcontext.gregs;
  if (g.current < 0) die("a fault of the maker itself");
  if (r[REG_TRAPNO] == 13) return privileged(u);
  if (r[REG_TRAPNO] != 14) die("an unexpected fault");
  Cpu& c = g.cpu[g.current];
  if (c.cr2) die("a second page fault");
  c.cr2 = reinterpret_cast<std::uint64_t>(info->si_addr);
  std::uint64_t error = static_cast<std::uint64_t>(r[REG_ERR]) & ~4ull; // not from user mode
  deliver(r, g.vectors.page_fault, &error);
}

// After every instruction: notes calls, forgets what returned, hides the trap flag from pushfq.
void on_step(int, siginfo_t*, void* context) {
  auto* u = static_cast<ucontext_t*>(context);
  static std::uint64_t last_rip[2], last_rsp[2];
  greg_t* r = u->uc_mcontext.gregs;
  if (g.current < 0) die("a step of the maker itself");
  Cpu& c = g.cpu[g.current];
  std::uint64_t rip = static_cast<std::uint64_t>(r[REG_RIP]),
                rsp = static_cast<std::uint64_t>(r[REG_RSP]);
  std::uint64_t before = last_rip[g.current];
  const auto* i = reinterpret_cast<const std::uint8_t*>(before);
  if (before && rsp + 8 == last_rsp[g.current]) {
    if (*i == 0x9C) word(rsp) = (word(rsp) & ~0x300ull) | (c.interrupts ? 0x200 : 0);
    std::uint64_t pushed = word(rsp);
    bool call = *i == 0xE8 || ((*i == 0xFF || (*i == 0x41 && i[1] == 0xFF)) && pushed > before &&
                               pushed <= before + 8);
    if (call) c.stack.push_back({false, rsp, pushed, rsp + 8});
  }
  while (!c.stack.empty() && c.stack.back().slot < rsp) c.stack.pop_back();
  last_rip[g.current] = rip;
  last_rsp[g.current] = rsp;
}

void on_start(int, siginfo_t*, void* context) {
  auto* u = static_cast<ucontext_t*>(context);
  std::memcpy(g.host, u->uc_mcontext.gregs, sizeof(gregset_t));
  std::memset(u->uc_mcontext.fpregs->_xmm, 0, sizeof u->uc_mcontext.fpregs->_xmm);
  switch_to(0, u);
}

void handle(int signal_number, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action{};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(signal_number, &action, nullptr);
}

template <class T> T at(const std::uint8_t* p, std::size_t offset) {
  T value;
  std::memcpy(&value, p + offset, sizeof value);
  return value;
}

void relocate(std::uint8_t* image, std::uint32_t rva, std::uint32_t size, std::uint64_t delta) {
  for (std::uint32_t done = 0; done + 8 <= size;) {
    std::uint32_t page = at<std::uint32_t>(image, rva + done),
                  bytes = at<std::uint32_t>(image, rva + done + 4);
    for (std::uint32_t k = 8; k + 2 <= bytes; k += 2) {
      std::uint16_t item = at<std::uint16_t>(image, rva + done + k);
      if (item >> 12 == 10) { // IMAGE_REL_BASED_DIR64
        std::uint64_t value = at<std::uint64_t>(image, page + (item & 0xFFF)) + delta;
        std::memcpy(image + page + (item & 0xFFF), &value, 8);
      } else if (item >> 12 != 0) {
        die("a relocation of an unexpected kind");
      }
    }
    done += bytes ? bytes : size;
  }
}

void bind_imports(std::uint8_t* image, std::uint32_t rva, const Image& from) {
  for (; at<std::uint32_t>(image, rva + 12); rva += 20) {
    std::uint32_t table = at<std::uint32_t>(image, rva + 16);
    for (; at<std::uint64_t>(image, table); table += 8) {
      const char* name = reinterpret_cast<const char*>(image + at<std::uint64_t>(image, table) + 2);
      auto found = from.exports.find(name);
      if (found == from.exports.end()) die(std::string("import not found: ") + name);
      std::memcpy(image + table, &found->second, 8);
    }
  }
}

void read_exports(const std::uint8_t* image, std::uint32_t rva, Image& out) {
  std::uint32_t names = at<std::uint32_t>(image, rva + 24);
  for (std::uint32_t i = 0; i < names; ++i) {
    std::uint32_t name = at<std::uint32_t>(image, at<std::uint32_t>(image, rva + 32) + 4 * i);
    std::uint16_t ordinal = at<std::uint16_t>(image, at<std::uint32_t>(image, rva + 36) + 2 * i);
    std::uint32_t where =
        at<std::uint32_t>(image, at<std::uint32_t>(image, rva + 28) + 4 * ordinal);
    out.exports[reinterpret_cast<const char*>(image + name)] =
        reinterpret_cast<std::uint64_t>(image) + where;
  }
}

// Lines " 0001:00000040  Name  fffff80001001040  file.obj" of a linker map; section 1 is the code.
void read_map(const std::string& path, Image& out) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    char name[128];
    unsigned section = 0;
    unsigned long long offset = 0, address = 0;
    if (std::sscanf(line.c_str(), " %x:%llx %127s %llx", &section, &offset, name, &address) == 4 &&
        section == 1 && address > out.base)
      out.functions[address - out.base] = name;
  }
  if (out.functions.empty()) die("no functions in " + path);
}

// Does the value point into memory of this process?  (The machine's own has been ruled out.)
bool host_pointer(std::uint64_t value) {
  static const std::vector<std::pair<std::uint64_t, std::uint64_t>> kMaps = [] {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> maps;
    std::ifstream in("/proc/self/maps");
    for (std::string line; std::getline(in, line);) {
      unsigned long long from = 0, to = 0;
      if (std::sscanf(line.c_str(), "%llx-%llx", &from, &to) == 2) maps.emplace_back(from, to);
    }
    return maps;
  }();
  for (auto [from, to] : kMaps)
    if (value >= from && value < to) return true;
  return false;
}

} // namespace

std::uint64_t Machine::map(const std::string& name, std::uint64_t kernel, std::uint64_t size) {
  std::uint64_t run = to_run(kernel);
  void* got = mmap(reinterpret_cast<void*>(run), size, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (got != reinterpret_cast<void*>(run)) die("cannot map " + name);
  regions_.push_back({name, run, size});
  return run;
}

Image Machine::load(const std::string& folder, const std::string& name, const Image* imports_from) {
  Image out;
  out.name = name;
  out.path = folder + "/" + name;
  std::ifstream in(out.path, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
  if (text.size() < 0x400) die("cannot read " + out.path);
  const auto* file = reinterpret_cast<const std::uint8_t*>(text.data());
  std::uint32_t pe = at<std::uint32_t>(file, 0x3c), optional = pe + 24;
  out.timestamp = at<std::uint32_t>(file, pe + 8);
  out.base = at<std::uint64_t>(file, optional + 24);
  out.size = at<std::uint32_t>(file, optional + 56);
  out.checksum = at<std::uint32_t>(file, optional + 64);
  auto* image = reinterpret_cast<std::uint8_t*>(map(name, out.base, out.size));
  std::memcpy(image, file, at<std::uint32_t>(file, optional + 60));
  std::uint32_t sections = optional + at<std::uint16_t>(file, pe + 20);
  for (int i = 0; i < at<std::uint16_t>(file, pe + 6); ++i) {
    const std::uint8_t* s = file + sections + 40 * i;
    std::uint32_t bytes = std::min(at<std::uint32_t>(s, 16), at<std::uint32_t>(s, 8));
    std::memcpy(image + at<std::uint32_t>(s, 12), file + at<std::uint32_t>(s, 20), bytes);
  }
  auto directory = [&](int n) { return at<std::uint32_t>(file, optional + 112 + 8 * n); };
  relocate(image, directory(5), at<std::uint32_t>(file, optional + 112 + 8 * 5 + 4),
           to_run(out.base) - out.base);
  if (imports_from) bind_imports(image, directory(1), *imports_from);
  if (directory(0)) read_exports(image, directory(0), out);
  read_map(folder + "/" + name.substr(0, name.find('.')) + ".map", out);
  return out;
}

void Machine::run(const Vectors& vectors, const Start& first, Start (*second_start)()) {
  static std::uint8_t signal_stack[1 << 16];
  stack_t stack{};
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  sigaltstack(&stack, nullptr);
  g.vectors = vectors;
  g.first = first;
  g.second_start = second_start;
  handle(SIGSEGV, on_fault);
  handle(SIGTRAP, on_step);
  handle(SIGUSR1, on_start);
  raise(SIGUSR1);
  if (!g.stopped) die("the machine did not stop");
}

std::vector<TrueFrame> Machine::true_stack(int cpu, std::uint64_t rip, std::uint64_t rsp) const {
  std::vector<TrueFrame> frames{{"start", to_kernel(rip), to_kernel(rsp)}};
  const std::vector<Entry>& live = g.cpu[cpu].stack;
  for (auto e = live.rbegin(); e != live.rend(); ++e)
    if (e->slot >= rsp)
      frames.push_back({e->trap ? "interrupted" : "call", to_kernel(e->pc), to_kernel(e->sp)});
  return frames;
}

bool Machine::inside(std::uint64_t value) const {
  for (const Region& r : regions_)
    if (value >= r.start && value <= r.start + r.size) return true;
  return false;
}

std::vector<std::uint8_t> Machine::lifted(std::uint64_t run, std::uint64_t size) const {
  std::vector<std::uint8_t> out(size);
  std::memcpy(out.data(), reinterpret_cast<const void*>(run), size);
  for (std::uint64_t i = (8 - run % 8) % 8; i + 8 <= size; i += 8) {
    std::uint64_t value = at<std::uint64_t>(out.data(), i);
    if (inside(value)) {
      value = to_kernel(value);
      std::memcpy(out.data() + i, &value, 8);
    } else if (host_pointer(value)) {
      die("a pointer of the maker itself leaked into the machine"); // would change from run to run
    }
  }
  return out;
}

} // namespace samples
