// arch: what a CPU is.  One file per CPU, one table `Arch` with optional slots, one line in
// registry.cpp.  Unwinders are pure: registers + memory + function table in, registers out; they
// never see symbols or files.  An empty slot means "not known for this CPU", and callers say so.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arch/cfi.h"
#include "arch/frame_data.h"
#include "base/bytes.h"
#include "base/error.h"
#include "memory/address_space.h"
#include "memory/virtual_memory.h"

namespace dumptriage::arch {

enum class Machine { unknown, x86, x64, arm, arm64, ia64, alpha, alpha64, mips, ppc };

// Registers by the CPU's own encoding number (x64: rax 0 ... r15 15, rip 16; see each <cpu>.cpp).
class Registers {
public:
  static constexpr int kCount = 104; // Itanium's
  std::optional<std::uint64_t> get(int index) const {
    if (index < 0 || index >= kCount || !known_[index]) return std::nullopt;
    return value_[index];
  }
  void set(int index, std::uint64_t value) {
    value_[index] = value;
    known_[index] = true;
  }
  void forget(int index) { known_[index] = false; }

private:
  std::array<std::uint64_t, kCount> value_{};
  std::bitset<kCount> known_;
};

// How a frame was found; better first.  Printed by name_of: "context", "unwind_data", ...
enum class Trust {
  context,       // registers saved by the system
  unwind_data,   // .pdata/.xdata of the image, or a machine frame described by it
  frame_data,    // FPO/FrameData of a PDB
  cfi,           // Breakpad CFI
  frame_pointer, // the chain of saved frame pointers
  prologue,      // decoded prologue
  scan,          // a value on the stack that follows a call: a guess
};
std::string_view name_of(Trust trust);

// What an image's function table says about an address.
struct FunctionEntry {
  std::uint64_t image_base = 0;                 // where the image lies in memory
  std::uint32_t begin = 0, end = 0, unwind = 0; // rvas
  memory::Origin origin = memory::Origin::dump;
};
enum class FunctionLookup {
  found,
  leaf,    // the image's table is known and has no entry: a leaf function
  unknown, // no table at hand: nothing may be concluded
};
struct ImportedFunction {
  std::optional<std::uint64_t> address;
  // x86: bytes of parameters that it takes off the stack, by its decorated name.
  std::optional<std::uint32_t> parameters;
};
class UnwindSource {
public:
  virtual ~UnwindSource() = default;
  virtual FunctionLookup find(std::uint64_t pc, FunctionEntry& entry) const = 0;
  // x86: what the symbols say about the frame of the code at `pc`.
  virtual std::optional<FrameData> frame_data(std::uint64_t) const { return std::nullopt; }
  // Call-frame rules of a symbol file for the code at `pc`.
  virtual std::optional<CfiRules> cfi(std::uint64_t) const { return std::nullopt; }
  // Where exact symbols or the image's exports let the function around `pc` begin: a hint where to
  // begin reading code, no proof.
  virtual std::optional<std::uint64_t> function_start(std::uint64_t) const { return std::nullopt; }
  // What the loader puts into the import slot at an address.
  virtual ImportedFunction imported(std::uint64_t) const { return {}; }
};

struct UnwindInput {
  const Registers& registers;
  const memory::AddressSpace& memory; // with image files laid over the holes
  const UnwindSource& functions;
  bool first = false; // pc is exact (context, or below a machine frame), not a return address
  // x86: bytes of the parameters that the function called here still has on the stack; 0 for the
  // first frame, nothing when not known.
  std::optional<std::uint32_t> callee_parameters;
  // Instructions that may still be followed to prove frames, shared by the steps of one walk.
  std::size_t* effort = nullptr;
  // What the unwinder of this CPU keeps from one step of a walk to the next.
  std::shared_ptr<void>* kept = nullptr;
};
struct Caller {
  Registers registers;
  Trust trust = Trust::unwind_data;
  bool machine_frame = false; // the caller's pc is exact: it was interrupted, it did not call
  memory::Origin origin = memory::Origin::dump; // the least trusted bytes used
  bool proved = true;   // false: a method that is often right, but nothing here shows that it is
  std::string unproved; // then why, for people
  // The callee's frame is proved to lie in registers: sp may stay though it has called others.
  bool register_frame = false;
};
// Why one step gave no caller.  `stop`: this is the end, or going on by any method would be wrong.
struct UnwindFailure {
  bool stop = false;
  Error error;
  bool known_end = false; // with `stop`: the outermost frame was reached
};
using UnwindResult = std::expected<Caller, UnwindFailure>;

// What a context leaves open, answered by the dump's own bytes.
struct Settled {
  Registers registers;
  bool certain =
      false;        // false: the bytes fit more than one answer, `registers` follow the likelier
  std::string note; // which answer held and what shows it, for people
};

// One instruction, where LLVM's tables do not serve.
struct CodeLine {
  std::string text;         // "ldq a0, 8(a1)"; of Itanium with template, slot and unit
  std::uint32_t length = 0; // bytes; of Itanium the bundle's
  struct Access {
    int base = -1; // register index: the address is its value plus the displacement
    std::int64_t displacement = 0;
    std::uint32_t size = 0;
    bool read = false, write = false;
    std::uint32_t align = 1; // the address is rounded down to a multiple of it (Alpha's ldq_u)
  };
  std::optional<Access> access;
  bool jump = false, call = false, ret = false;
  std::optional<std::uint64_t> target; // of a jump or call to a fixed place
};

struct Arch {
  Machine machine = Machine::unknown;
  std::string_view name; // "x64"
  int pointer_size = 8;
  int pc = -1, sp = -1, fp = -1; // register indexes
  // The register that a call puts the return address into; -1: it goes onto the stack.
  int link = -1;
  // The pointer into a second stack that grows upward (Itanium's bsp): a caller may leave sp where
  // it is when this goes down.
  int backing = -1;
  std::span<const std::string_view> register_names; // by index
  std::uint32_t context_size = 0;                   // least bytes of a CONTEXT with pc and sp in it
  // CONTEXT bytes -> registers.  Groups that ContextFlags does not claim stay unknown.
  Result<Registers> (*decode_context)(ByteView context) = nullptr;
  // Asked once, before a walk begins.  Nothing when the context leaves nothing open.
  std::optional<Settled> (*settle)(const UnwindInput&) = nullptr;
  // The instruction at the start of `code`, for CPUs that LLVM's tables do not cover.
  std::optional<CodeLine> (*code_line)(std::span<const std::byte> code, std::uint64_t pc) = nullptr;
  // Code is read in pieces of this size, at multiples of it (Itanium's bundle).
  std::uint32_t code_unit = 1;
  // One frame by the image's unwind data.
  UnwindResult (*unwind_by_data)(const UnwindInput&) = nullptr;
  // One frame by what the symbols say about it.
  UnwindResult (*unwind_by_frame_data)(const UnwindInput&) = nullptr;
  // One frame by call-frame rules of the symbols.
  UnwindResult (*unwind_by_cfi)(const UnwindInput&) = nullptr;
  // One frame by the frame-pointer chain.
  UnwindResult (*unwind_by_frame_pointer)(const UnwindInput&) = nullptr;
  // Is there a call instruction that ends just before `address`?  Nothing when the code is not at
  // hand.
  std::optional<bool> (*call_before)(const memory::AddressSpace&, std::uint64_t address) = nullptr;
  // Does the call that ends just before `address` go to the pc of `callee`, the registers as its
  // first instruction found them?  Nothing when that cannot be worked out.
  std::optional<bool> (*call_reaches)(const memory::AddressSpace&, std::uint64_t address,
                                      const Registers& callee) = nullptr;
  // The code that certainly belongs to the function at `start`, in order: what tells how far a
  // symbol without size reaches where no function table does.  Empty: the code is not at hand, or
  // cannot be followed.
  std::vector<memory::AddressSpace::Range> (*reached_code)(const memory::AddressSpace&,
                                                           std::uint64_t start) = nullptr;
  // Virtual to physical through the page tables (memory/virtual_memory.h).  Null: no public source
  // settles this CPU's tables, and callers say "unsupported".
  memory::TranslateFunction translate = nullptr;
  std::uint32_t page_size = 0x1000;
  // The registers that a KTRAP_FRAME at `address` holds, sp and pc among them; nothing when it
  // cannot be read, or when its fields do not look like one.
  std::optional<Registers> (*read_trap_frame)(const memory::AddressSpace&,
                                              std::uint64_t address) = nullptr;
  // Strip bits that are no part of an address (PAC, sign extension); identity when null.
  std::uint64_t (*strip)(std::uint64_t address) = nullptr;
};

// nullptr for machines without an entry.
const Arch* find(Machine machine);
Machine machine_of_image_file(std::uint16_t image_file_machine);    // IMAGE_FILE_MACHINE_*
Machine machine_of_processor(std::uint16_t processor_architecture); // PROCESSOR_ARCHITECTURE_*
std::string_view name_of(Machine machine); // "x86", "x64", "arm64", "ia64", "alpha", ... "unknown"
int pointer_size_of(Machine machine);      // 8 for unknown

} // namespace dumptriage::arch
