// Writes user minidumps byte by byte, from the published layout (MINIDUMP_* of minidumpapiset.h),
// with its own constants.  Sound dumps by the typed calls; broken ones by laying down streams and
// directory entries as one likes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

struct MdThread {
  std::uint32_t id = 0;
  std::uint64_t teb = 0, stack_address = 0;
  Bytes stack;   // written beside the thread; empty: none
  Bytes context; // CONTEXT
  std::uint32_t suspend_count = 0, priority_class = 0x20, priority = 8;
  std::uint64_t store_address = 0; // threads_ex: the register backing store of Itanium
  Bytes store;
};

struct MdModule {
  std::uint64_t base = 0;
  std::uint32_t size = 0x10000, timestamp = 0, checksum = 0;
  std::string name;
  std::optional<std::array<std::uint16_t, 4>> version;
  Bytes codeview, misc;
};

struct MdSystem {
  std::uint16_t processor = 9; // PROCESSOR_ARCHITECTURE_AMD64; 0 is x86
  std::uint8_t processors = 2, product_type = 1;
  std::uint32_t major = 6, minor = 1, build = 7601, platform = 2;
  std::uint16_t suite_mask = 0;
  std::optional<std::string> csd = "Service Pack 1";
  std::string vendor = "GenuineIntel"; // x86
};

struct MdException {
  std::uint32_t thread_id = 0, code = 0xC0000005, flags = 0;
  std::uint64_t record = 0, address = 0;
  std::vector<std::uint64_t> parameters;
  Bytes context;
};

using MdMemory = std::vector<std::pair<std::uint64_t, Bytes>>;

class MinidumpWriter {
public:
  // `slots`: room for directory entries behind the header.
  explicit MinidumpWriter(std::uint32_t time = 0x4A000000, std::size_t slots = 32);

  // Pieces: each returns the RVA where it lies.
  std::uint32_t blob(const Bytes& bytes);
  std::uint32_t string(std::string_view text);      // MINIDUMP_STRING
  std::uint32_t utf8_string(std::string_view text); // Crashpad's
  std::uint32_t here() const { return static_cast<std::uint32_t>(out_.size()); }

  // A stream: appended and listed.
  std::uint32_t stream(std::uint32_t type, const Bytes& bytes);
  // A directory entry alone.
  void entry(std::uint32_t type, std::uint32_t size, std::uint32_t rva);

  void system(const MdSystem& system);
  void threads(const std::vector<MdThread>& threads, bool padded = false);
  void threads_ex(const std::vector<MdThread>& threads); // stream 8: entries of 0x40 bytes
  void modules(const std::vector<MdModule>& modules, bool padded = false);
  void memory(const MdMemory& ranges, bool padded = false);
  // Bytes go to the end of the file: call last.
  void memory64(const MdMemory& ranges);
  void exception(const MdException& exception);

  Bytes finish();

private:
  Bytes out_;
  std::size_t slots_;
  std::uint32_t entries_ = 0;
};

// CodeView records.
Bytes rsds(const std::array<std::uint8_t, 16>& guid, std::uint32_t age, std::string_view pdb);
Bytes nb10(std::uint32_t signature, std::uint32_t age, std::string_view pdb);

// CONTEXTs with control and integer groups; registers in encoding order (rax, rcx, rdx, rbx, rsp,
// rbp, rsi, rdi, r8 ...).
Bytes context_x64(std::uint64_t rip, const std::array<std::uint64_t, 16>& registers);
Bytes context_x86(std::uint32_t eip, const std::array<std::uint32_t, 8>& registers);

} // namespace dumptriage::synth
