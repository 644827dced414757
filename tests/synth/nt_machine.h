// synth: a Windows machine on paper for x86 and x64, as a full dump: images as code (nt_code.h),
// CPUs, processes, threads with their stacks (nt_stack.h), page tables, the lists of the system.
// Other kinds of dumps are made of it (convert.h).  Offsets are those of the builds' public symbols
// (NT 4: Geoff Chappell's tables), written without a look at the analyzer.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "synth/kernel_bytes.h"
#include "synth/kernel_objects.h"
#include "synth/nt_stack.h"

namespace dumptriage::synth {

enum class NtSystem { nt4_x86, ws2003sp2_x86, ws2003sp2_x64 };
const KernelOffsets& nt_offsets(NtSystem system);

struct NtThreadPlan {
  std::size_t process = 0;  // index; 0 is System
  std::uint32_t id = 0;     // 0: some
  std::uint64_t object = 0; // of KernelObjects; 0: laid here
  int cpu = -1;             // it runs there
  Bytes context{};          // of a running one
};

class NtMachine {
public:
  explicit NtMachine(NtSystem system, bool exports = true);

  const NtSystem system;
  const bool wide;
  NtCode code;

  // Memory.
  void write(std::uint64_t address, const Bytes& bytes);
  void put(std::uint64_t address, std::uint64_t value, unsigned size);
  void put_pointer(std::uint64_t address, std::uint64_t value) { put(address, value, word()); }
  void page_out(std::uint64_t address, std::uint64_t size = 1); // written to the page file

  // The images of `code`, linked.
  void load_images();
  std::size_t process(const std::string& name, std::uint32_t id); // its index
  // A thread with this stack.  Returns its object.
  std::uint64_t thread(const NtStack& stack, const NtThreadPlan& plan);
  void adopt(const KernelObjects& objects); // their memory
  // Stacks, one behind the other.
  std::pair<std::uint64_t, std::uint64_t> next_stack();

  // The stop: code and parameters, and the CPU whose context the header has.
  std::uint32_t stop = 0;
  std::array<std::uint64_t, 4> parameters{};
  std::size_t crashed = 0;

  // What the machine says of itself.
  std::uint32_t build = 0;
  std::uint32_t product_type = 3; // 1 workstation, 2 domain controller, 3 server
  std::uint32_t suite_mask = 0;
  std::uint32_t service_pack = 2; // CmNtCSDVersion; NT 4 has it in no place that is known
  std::uint32_t processors = 0;   // those with a thread

  Bytes full_dump(); // once, at the end

private:
  struct Process {
    std::string name;
    std::uint32_t id;
    std::uint64_t object;
    std::vector<std::uint64_t> threads; // entries of its list
  };
  struct Cpu {
    std::uint64_t thread = 0;
    Bytes context;
  };
  unsigned word() const { return wide ? 8 : 4; }
  std::uint64_t allocate(std::uint64_t size);
  void unicode(std::uint64_t address, const std::string& text);
  void ring(std::uint64_t head, const std::vector<std::uint64_t>& entries);
  void lay_cpus();
  void lay_kdbg();
  void lay_shared();
  void finish();
  Bytes header(std::uint64_t root, std::uint64_t frames) const;
  std::uint64_t lay_tables(std::map<std::uint64_t, Bytes>& frames);

  const KernelOffsets& at_;
  bool exports_;
  std::map<std::uint64_t, Bytes> pages_;
  std::set<std::uint64_t> paged_out_;
  std::vector<Process> processes_;
  std::map<int, Cpu> cpus_;
  std::uint64_t next_, next_stack_, modules_, process_list_, block_, kdbg_ = 0;
};

} // namespace dumptriage::synth
