// Itanium's instructions that touch memory: opcodes 4 ... 7 of the M unit.
//
// An opcode's six-bit extension (bits 35:30) names the operation; bits 36 (m) and 27 (x) choose
// between plain loads and stores, those that add a register to the base afterwards, semaphores and
// pairs.  Opcodes 5 and 7 add an immediate to the base.  The address is always what the base holds
// before: the displacement is 0.
// Source: Intel Itanium Architecture Software Developer's Manual, volume 3, 4.4.1 - 4.4.4.
#include <fmt/format.h>

#include "arch/ia64_bundle.h"

namespace dumptriage::arch {

namespace {

struct Operation {
  std::string name; // empty: no such operation
  std::uint32_t size = 0;
  bool read = false, write = false;
  bool prefetch = false;
};

// What a load promises, by bits 5:2 of the extension; null: not a load of this kind.
constexpr const char* kLoadTypes[16] = {"",      ".s",    ".a",     ".sa",   ".bias",     ".acq",
                                        nullptr, nullptr, ".c.clr", ".c.nc", ".c.clr.acq"};
constexpr unsigned kFill = 0x1B, kSpill = 0x3B, kCountedPrefetch = 0x2C, kStore = 0xC,
                   kRelease = 0xD;

Operation integer_operation(unsigned extension) {
  const unsigned type = extension >> 2;
  const std::uint32_t size = 1u << (extension & 3);
  if (extension == kFill) return {"ld8.fill", 8, true};
  if (extension == kSpill) return {"st8.spill", 8, false, true};
  if (type == kStore || type == kRelease)
    return {fmt::format("st{}{}", size, type == kRelease ? ".rel" : ""), size, false, true};
  if (!kLoadTypes[type]) return {};
  return {fmt::format("ld{}{}", size, kLoadTypes[type]), size, true};
}

bool is_float_load(unsigned type) { return type < 4 || type == 8 || type == 9; }

Operation float_operation(unsigned extension) {
  constexpr const char* kFormats[] = {"e", "8", "s", "d"};
  constexpr std::uint32_t kSizes[] = {10, 8, 4, 8};
  constexpr const char* kPrefetches[] = {"lfetch", "lfetch.excl", "lfetch.fault",
                                         "lfetch.fault.excl"};
  const unsigned type = extension >> 2, which = extension & 3;
  if (extension == kFill) return {"ldf.fill", 16, true};
  if (extension == kSpill) return {"stf.spill", 16, false, true};
  if (type == 0xB) return {kPrefetches[which], 0, which >= 2, false, true};
  if (type == kStore) return {fmt::format("stf{}", kFormats[which]), kSizes[which], false, true};
  if (!is_float_load(type)) return {};
  return {fmt::format("ldf{}{}", kFormats[which], kLoadTypes[type]), kSizes[which], true};
}

Operation pair_operation(unsigned extension) {
  constexpr const char* kFormats[] = {"", "8", "s", "d"};
  const unsigned type = extension >> 2, which = extension & 3;
  if (which == 0 || !is_float_load(type)) return {};
  return {fmt::format("ldfp{}{}", kFormats[which], kLoadTypes[type]), which == 2 ? 8u : 16u, true};
}

Operation semaphore_operation(unsigned extension) {
  const std::uint32_t size = 1u << (extension & 3);
  const bool release = extension & 4;
  const char* order = release ? ".rel" : ".acq";
  if (extension < 8) return {fmt::format("cmpxchg{}{}", size, order), size, true, true};
  if (extension < 0xC) return {fmt::format("xchg{}", size), size, true, true};
  switch (extension) {
  case 0x12:
  case 0x13:
  case 0x16:
  case 0x17: return {fmt::format("fetchadd{}{}", size, order), size, true, true};
  case 0x20:
  case 0x24: return {fmt::format("cmp8xchg16{}", order), 16, true, true};
  case 0x28: return {"ld16", 16, true};
  case 0x2C: return {"ld16.acq", 16, true};
  case 0x30: return {"st16", 16, false, true};
  case 0x34: return {"st16.rel", 16, false, true};
  default: return {};
  }
}

class MemoryWriter {
public:
  MemoryWriter(const Ia64Instruction& instruction, CodeLine& line)
      : in_(instruction), line_(line), extension_(static_cast<unsigned>(in_.bits(30, 6))) {}

  void write() {
    const bool m = in_.bits(36, 1), x = in_.bits(27, 1);
    switch (in_.opcode()) {
    case 4:
      if (x && !m) return write_semaphore();
      if (x) return;
      return write_integer(m ? After::reg : After::nothing);
    case 5: return write_integer(After::immediate);
    case 6:
      if (x) return write_pair(m);
      return write_float(m ? After::reg : After::nothing);
    case 7: return write_float(After::immediate);
    default: return;
    }
  }

private:
  enum class After { nothing, reg, immediate }; // what is added to the base behind the access

  int field(int low) const { return static_cast<int>(in_.bits(low, 7)); }
  int base() const { return field(20); }

  // Where the store's value stands a load's increment does, and the other way round.
  std::int64_t increment(int low) const {
    const std::uint64_t value = in_.bits(low, 7) | in_.bits(27, 1) << 7;
    return static_cast<std::int64_t>(value) - (in_.bits(36, 1) ? 256 : 0);
  }
  std::string after(After kind, bool store) const {
    if (kind == After::reg) return fmt::format(",r{}", field(13));
    if (kind == After::immediate) return fmt::format(",{}", increment(store ? 6 : 13));
    return {};
  }
  // The locality hint; nothing for one that the form does not have.  `extra` is the bit above it
  // that later processors gave a meaning, where the form has room for one.
  std::optional<std::string_view> hint(const Operation& operation, int extra) const {
    constexpr std::string_view kLoads[] = {"", ".nt1", ".d2", ".nta", ".d4", ".d5", ".d6", ".d7"};
    const auto low = in_.bits(28, 2);
    const auto which = low | (extra ? in_.bits(extra, 1) << 2 : 0);
    if (operation.prefetch) return which == 2 ? ".nt2" : kLoads[which];
    const bool store = !operation.read;
    if (!extra && (low == 2 || (store && low == 1))) return std::nullopt;
    return store && which == 1 ? ".d1" : kLoads[which];
  }
  void touch(const Operation& operation) {
    if (!operation.read && !operation.write) return;
    // The general registers up to r31 have their numbers as indexes; those above lie in the
    // backing store.
    line_.access = CodeLine::Access{base() < 32 ? base() : -1, 0, operation.size, operation.read,
                                    operation.write};
  }

  void write_plain(const Operation& operation, char file, After kind) {
    if (operation.name.empty()) return;
    const bool store = operation.write, plain = kind == After::nothing;
    const auto hints = hint(operation, operation.prefetch ? 12 : !plain ? 0 : store ? 12 : 19);
    if (!hints || (store && kind == After::reg)) return;
    if (extension_ == kCountedPrefetch && plain && in_.bits(19, 1)) return; // lfetch.count
    const std::string name = fmt::format("{}{}", operation.name, *hints);
    if (operation.prefetch) {
      line_.text = fmt::format("{} [r{}]{}", name, base(), after(kind, false));
    } else if (store) {
      line_.text = fmt::format("{} [r{}]={}{}{}", name, base(), file, field(13), after(kind, true));
    } else {
      line_.text = fmt::format("{} {}{}=[r{}]{}", name, file, field(6), base(), after(kind, false));
    }
    touch(operation);
  }
  void write_integer(After kind) { write_plain(integer_operation(extension_), 'r', kind); }
  void write_float(After kind) { write_plain(float_operation(extension_), 'f', kind); }

  void write_pair(bool increments) {
    constexpr const char* kMoves[] = {"sig", "exp", "s", "d"};
    if (extension_ >= 0x1C && extension_ < 0x20) { // M18
      if (!increments)
        line_.text = fmt::format("setf.{} f{}=r{}", kMoves[extension_ & 3], field(6), field(13));
      return;
    }
    const Operation operation = pair_operation(extension_);
    const auto hints = hint(operation, 0);
    if (operation.name.empty() || !hints) return;
    line_.text =
        fmt::format("{}{} f{},f{}=[r{}]", operation.name, *hints, field(6), field(13), base());
    if (increments) line_.text += fmt::format(",{}", operation.size);
    touch(operation);
  }

  void write_semaphore() {
    constexpr const char* kMoves[] = {"sig", "exp", "s", "d"};
    if (extension_ >= 0x1C && extension_ < 0x20) { // M19
      line_.text = fmt::format("getf.{} r{}=f{}", kMoves[extension_ & 3], field(6), field(13));
      return;
    }
    const Operation operation = semaphore_operation(extension_);
    const bool exchange = operation.read && operation.write;
    const auto hints = hint(operation, exchange ? 0 : operation.write ? 12 : 19);
    if (operation.name.empty() || !hints) return;
    const std::string name = fmt::format("{}{}", operation.name, *hints);
    if (!operation.write)
      line_.text = fmt::format("{} r{},ar.csd=[r{}]", name, field(6), base());
    else if (!operation.read)
      line_.text = fmt::format("{} [r{}]=r{},ar.csd", name, base(), field(13));
    else
      line_.text = fmt::format("{} r{}=[r{}],{}", name, field(6), base(), exchanged());
    touch(operation);
  }
  std::string exchanged() const {
    if (extension_ >= 0x20) return fmt::format("r{},ar.csd,ar.ccv", field(13));
    if (extension_ < 8) return fmt::format("r{},ar.ccv", field(13));
    if (extension_ < 0xC) return fmt::format("r{}", field(13));
    constexpr int kAmounts[] = {16, 8, 4, 1}; // fetchadd
    return fmt::format("{}",
                       in_.bits(15, 1) ? -kAmounts[in_.bits(13, 2)] : kAmounts[in_.bits(13, 2)]);
  }

  const Ia64Instruction& in_;
  CodeLine& line_;
  unsigned extension_;
};

} // namespace

void write_ia64_memory(const Ia64Instruction& instruction, CodeLine& line) {
  MemoryWriter(instruction, line).write();
}

} // namespace dumptriage::arch
