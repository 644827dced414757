// synth: the stack that the code of nt_code.h leaves behind: frames from the outermost function in.
#pragma once

#include <array>
#include <map>

#include "synth/nt_code.h"

namespace dumptriage::synth {

// A frame as it was laid: where its function goes on, and its stack pointer then.
struct NtFrame {
  std::string function;
  std::uint64_t pc = 0, sp = 0;
  bool interrupted = false;
};

class NtStack {
public:
  // [limit, base), in the kernel.
  NtStack(const NtCode& code, std::uint64_t limit, std::uint64_t base);

  void begin(const std::string& function); // returns to 0: the thread begins in it
  // The function on top calls this one.
  void call(const std::string& function, const std::vector<std::uint32_t>& arguments = {});
  // A word among the locals of the function on top, `index` words above its lowest one.
  void local(unsigned index, std::uint64_t value);
  // The function on top faults at its body; the handler for it runs now.  Returns where the
  // KTRAP_FRAME lies.
  std::uint64_t fault(const std::string& handler, std::uint32_t error_code);
  // x86: the thread gives up its CPU; `caller` is called, calls `callee`, and what lies there is
  // what KTHREAD.KernelStack names.
  void swap(const std::string& caller, const std::string& callee);

  std::uint64_t sp() const { return sp_; }
  std::uint64_t limit() const { return limit_; }
  std::uint64_t base() const { return base_; }
  // Registers of the CPU's own numbers: ax cx dx bx sp bp si di r8 ... .
  std::array<std::uint64_t, 16> registers{};
  Bytes context(bool nt4 = false) const; // CONTEXT, pc at the body of the function on top
  Bytes bytes() const { return bytes_; } // of all the stack
  std::vector<NtFrame> frames() const;   // inner first
  std::uint32_t eflags = 0x10202;

private:
  void push(std::uint64_t value);
  void put_word(std::uint64_t address, std::uint64_t value, unsigned size = 0);
  void enter(const NtFunction& function);
  unsigned word() const { return code_.wide() ? 8 : 4; }

  const NtCode& code_;
  std::uint64_t limit_, base_, sp_, bp_ = 0;
  Bytes bytes_;
  std::string top_;
  std::vector<NtFrame> callers_; // of the function on top, outer first
};

} // namespace dumptriage::synth
