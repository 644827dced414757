// Runs the code of tools/samples/kernel as the two CPUs of a machine would: natively, one
// instruction at a time (trap flag), with interrupts, faults and the few privileged instructions
// played by a signal handler.  Every value on the stacks is therefore put there by a real CPU
// executing real code.  The true call stack comes from watching call instructions, not from any
// unwinder.
//
// Kernel addresses cannot be mapped by a process; everything lies at its kernel address without the
// topmost bits (0xFFFFF80001000000 runs at 0x0000780001000000) and is lifted back afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace samples {

inline constexpr std::uint64_t kKernelHalf = 0xFFFF800000000000;
inline std::uint64_t to_run(std::uint64_t kernel) { return kernel & ~kKernelHalf; }
inline std::uint64_t to_kernel(std::uint64_t run) { return run | kKernelHalf; }

// Memory of the machine, at its run address.
struct Region {
  std::string name;
  std::uint64_t start = 0, size = 0;
};

struct Image {
  std::string name, path; // "netbt.sys", file on disk
  std::uint64_t base = 0; // kernel address
  std::uint32_t size = 0, timestamp = 0, checksum = 0;
  std::map<std::string, std::uint64_t> exports;   // run addresses
  std::map<std::uint64_t, std::string> functions; // rva -> name, from the linker's map
};

// One true frame.  kind: "start" (where the CPU's registers were saved), "call", "interrupted".
struct TrueFrame {
  std::string kind;
  std::uint64_t pc = 0, sp = 0; // kernel addresses
};

class Machine {
public:
  // Maps zeroed memory at a kernel address; returns the run address.
  std::uint64_t map(const std::string& name, std::uint64_t kernel, std::uint64_t size);
  // Maps a PE image at its preferred base, relocated to its run address.
  Image load(const std::string& folder, const std::string& name, const Image* imports_from);

  struct Vectors {
    std::uint64_t page_fault = 0, ipi = 0; // run addresses of the handlers
    std::uint64_t pcr[2] = {};
  };
  // Runs CPU 0 from `start(argument)` until it idles, then CPU 1 from `second_start()`'s rip and
  // rsp until it halts with interrupts off.
  struct Start {
    std::uint64_t rip = 0, rsp = 0, argument = 0;
  };
  void run(const Vectors& vectors, const Start& first, Start (*second_start)());

  // The true stack of a CPU at the moment its registers were saved (rip and rsp as run addresses).
  std::vector<TrueFrame> true_stack(int cpu, std::uint64_t rip, std::uint64_t rsp) const;

  // Bytes at a run address, every pointer into the machine lifted to its kernel address.
  std::vector<std::uint8_t> lifted(std::uint64_t run, std::uint64_t size) const;
  const std::vector<Region>& regions() const { return regions_; }

private:
  bool inside(std::uint64_t value) const;
  std::vector<Region> regions_;
};

} // namespace samples
