// The x64 unwinder against code that runs.  A child process maps an image that clang or gcc made
// (tools/samples/x64_steps) and calls it; this process steps it by single instructions.  What the
// call instructions push is the truth: at every instruction, in prologue, body and epilogue, the
// unwinder must find every caller's return address, stack pointer and surviving registers.
#include <gtest/gtest.h>

#if defined(__linux__) && defined(__x86_64__)

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "image/image.h"

namespace dumptriage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kStackSize = 4 << 20;
constexpr int kRsp = 4, kRip = 16;
constexpr int kSurvive[] = {3, 5, 6, 7, 12, 13, 14, 15}; // rbx, rbp, rsi, rdi, r12 ... r15

struct Call {
  std::uint64_t slot = 0; // that holds the return address
  std::uint64_t return_address = 0;
  std::array<std::uint64_t, 8> survive{}; // as they were when the call was made
};

class Loaded final : public memory::AddressSpace, public arch::UnwindSource {
public:
  explicit Loaded(const image::Image& image) : image_(image), bytes_(image.size_of_image) {
    for (std::size_t at = 0; at < bytes_.size(); at += 0x1000) // sections need not touch
      image.read_rva(static_cast<std::uint32_t>(at),
                     std::as_writable_bytes(std::span(bytes_).subspan(at).first(
                         std::min<std::size_t>(0x1000, bytes_.size() - at))));
  }
  std::uint64_t base() const { return image_.preferred_base; }
  bool holds(std::uint64_t address) const { return address - base() < bytes_.size(); }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  memory::ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override {
    memory::ReadOutcome outcome;
    if (!copy(address, out, base(), bytes_) && !copy(address, out, stack_at, stack))
      outcome.presence = memory::Presence::absent;
    else
      outcome.got = out.size();
    return outcome;
  }
  std::optional<Range> range_around(std::uint64_t address) const override {
    if (holds(address)) return Range{base(), base() + bytes_.size()};
    return Range{stack_at, stack_at + stack.size()};
  }
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override {
    if (!holds(pc)) return arch::FunctionLookup::unknown;
    const auto found = image_.find_function(static_cast<std::uint32_t>(pc - base()), entry);
    entry.image_base = base();
    return found;
  }

  std::uint64_t stack_at = 0;
  std::vector<std::uint8_t> stack;

private:
  static bool copy(std::uint64_t address, std::span<std::byte> out, std::uint64_t from,
                   const std::vector<std::uint8_t>& bytes) {
    if (address < from || address - from > bytes.size() ||
        bytes.size() - (address - from) < out.size())
      return false;
    std::memcpy(out.data(), bytes.data() + (address - from), out.size());
    return true;
  }
  const image::Image& image_;
  std::vector<std::uint8_t> bytes_;
};

// The child: maps the image, stops, calls its export.
[[noreturn]] void run_child(const Loaded& image, std::uint64_t entry) {
  auto* const at = reinterpret_cast<void*>(image.base());
  void* const memory = mmap(at, image.bytes().size(), PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (memory != at) _exit(2);
  std::memcpy(memory, image.bytes().data(), image.bytes().size());
  auto* const stack = static_cast<char*>(
      mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (stack == MAP_FAILED || ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(3);
  raise(SIGSTOP);
  // Windows' convention lets more registers survive than this system's compiler expects.
  asm volatile("movq %%rsp, %%r12\n\t"
               "movq %1, %%rsp\n\t"
               "movq $5, %%rcx\n\t"
               "callq *%0\n\t"
               "movq %%r12, %%rsp\n\t"
               :
               : "r"(entry), "r"(stack + kStackSize - 4096)
               : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "memory", "cc");
  _exit(0);
}

arch::Registers registers_of(const user_regs_struct& r) {
  const unsigned long long values[] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8,
                                       r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};
  arch::Registers registers;
  for (int i = 0; i <= kRip; ++i) registers.set(i, values[i]);
  return registers;
}

class Stepper {
public:
  Stepper(pid_t child, Loaded& image) : child_(child), image_(image) {}

  // Until the child ends; false when it ended badly.
  bool run() {
    for (;;) {
      user_regs_struct before = regs_;
      if (ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) != 0) return false;
      int status = 0;
      if (waitpid(child_, &status, 0) != child_) return false;
      if (WIFEXITED(status)) return WEXITSTATUS(status) == 0;
      if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) return false;
      if (ptrace(PTRACE_GETREGS, child_, nullptr, &regs_) != 0) return false;
      note_call(before);
      while (!calls_.empty() && regs_.rsp > calls_.back().slot) calls_.pop_back();
      if (!image_.holds(regs_.rip)) {
        if (seen_image_ && calls_.empty()) return finish();
        continue;
      }
      seen_image_ = true;
      check();
      if (failures_ > 10) return finish();
    }
  }
  std::size_t steps() const { return steps_; }
  std::size_t frames() const { return frames_; }

private:
  bool finish() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    return true;
  }
  // A call pushes the address of the instruction behind it and goes elsewhere.
  void note_call(const user_regs_struct& before) {
    if (regs_.rsp != before.rsp - 8) return;
    const std::uint64_t value = static_cast<std::uint64_t>(
        ptrace(PTRACE_PEEKDATA, child_, reinterpret_cast<void*>(regs_.rsp), nullptr));
    if (value <= before.rip || value - before.rip > 8 || regs_.rip == value) return;
    if (!image_.holds(regs_.rip)) return;
    Call call{regs_.rsp, value, {}};
    const arch::Registers now = registers_of(regs_);
    for (std::size_t i = 0; i < std::size(kSurvive); ++i) call.survive[i] = *now.get(kSurvive[i]);
    calls_.push_back(call);
  }
  void copy_stack() {
    const std::uint64_t top = calls_.front().slot + 64;
    image_.stack_at = regs_.rsp;
    image_.stack.resize(top - regs_.rsp);
    const iovec local{image_.stack.data(), image_.stack.size()};
    const iovec remote{reinterpret_cast<void*>(regs_.rsp), image_.stack.size()};
    if (process_vm_readv(child_, &local, 1, &remote, 1, 0) < 0) image_.stack.clear();
  }
  void check() {
    ++steps_;
    copy_stack();
    const arch::Arch& x64 = *arch::find(arch::Machine::x64);
    arch::Registers registers = registers_of(regs_);
    for (std::size_t depth = 0; depth < calls_.size(); ++depth) {
      const Call& call = calls_[calls_.size() - 1 - depth];
      const auto caller =
          x64.unwind_by_data({registers, image_, image_, depth == 0, std::nullopt, nullptr});
      const std::string where = fmt::format("rip {:X}, depth {}", regs_.rip, depth);
      if (!caller) {
        ++failures_;
        ADD_FAILURE() << where << ": " << caller.error().error.message();
        return;
      }
      if (!compare(caller->registers, call, where)) return;
      registers = caller->registers;
      ++frames_;
    }
  }
  bool compare(const arch::Registers& found, const Call& call, const std::string& where) {
    bool same = found.get(kRip) == call.return_address && found.get(kRsp) == call.slot + 8;
    for (std::size_t i = 0; i < std::size(kSurvive); ++i)
      same &= found.get(kSurvive[i]) == call.survive[i];
    if (same) return true;
    ++failures_;
    ADD_FAILURE() << where
                  << fmt::format(": rip {:X} rsp {:X}, true {:X} {:X}, or a register differs",
                                 found.get(kRip).value_or(0), found.get(kRsp).value_or(0),
                                 call.return_address, call.slot + 8);
    return false;
  }

  pid_t child_;
  Loaded& image_;
  user_regs_struct regs_{};
  std::vector<Call> calls_; // outermost first
  bool seen_image_ = false;
  std::size_t steps_ = 0, frames_ = 0;
  int failures_ = 0;
};

class X64Steps : public testing::TestWithParam<const char*> {};

TEST_P(X64Steps, EveryInstructionUnwinds) {
  const fs::path path =
      fs::path(DUMPTRIAGE_SOURCE_DIR) / "tests/data/x64_steps" / (std::string(GetParam()) + ".dll");
  auto image = image::open_file(path.string(), memory::Origin::image);
  ASSERT_TRUE(image) << image.error().message();
  ASSERT_EQ((*image)->exports().size(), 1u);
  Loaded loaded(**image);
  const std::uint64_t entry = loaded.base() + (*image)->exports()[0].rva;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) run_child(loaded, entry);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (!WIFSTOPPED(status)) GTEST_SKIP() << "skipped: tracing a child is not allowed here";
  Stepper stepper(child, loaded);
  EXPECT_TRUE(stepper.run());
  EXPECT_GT(stepper.steps(), 1000u);
  EXPECT_GT(stepper.frames(), 2 * stepper.steps());
  RecordProperty("steps", static_cast<int>(stepper.steps()));
  RecordProperty("frames", static_cast<int>(stepper.frames()));
}

INSTANTIATE_TEST_SUITE_P(Compilers, X64Steps,
                         testing::Values("clang_O0", "clang_O1", "clang_O2", "clang_Os",
                                         "clang_O2_fp", "gcc_O0", "gcc_O2", "gcc_Os", "gcc_O2_fp"),
                         [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace dumptriage

#endif
