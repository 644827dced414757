// What the parts of the ARM64 unwinder share: register numbers, and unwind data in one shape.
#pragma once

#include <vector>

#include "arch/reading.h"
#include "formats/unwind_arm64.h"

namespace dumptriage::arch::arm64 {

// x0 ... x28 are numbered by themselves.
inline constexpr int kFp = 29, kLr = 30, kSp = 31, kPc = 32, kCpsr = 33;

// Unwind data of one entry of the function table, packed or .xdata.
struct UnwindData {
  std::uint64_t address = 0; // for messages
  std::uint32_t length = 0;  // of the code, in bytes
  // Sequences of unwind codes, each ending with `end`; that of the prologue and body comes first.
  std::vector<std::uint8_t> codes;
  struct Epilogue {
    std::uint32_t start = 0; // bytes behind the begin of the entry
    unsigned index = 0;      // of its first code
  };
  std::vector<Epilogue> epilogues; // by start
};

// Of a code's first byte: its size in bytes, and how many instructions it stands for.
std::size_t size_of_code(std::uint8_t first);
int instructions_of_code(std::uint8_t first);
// Instructions of the prologue (or epilogue, without the return) whose codes begin at `index`.
std::uint32_t instructions_of(const UnwindData& data, std::size_t index);

// Packed data written out as unwind codes.
std::expected<UnwindData, UnwindFailure> expand_packed(std::uint32_t packed, std::uint64_t address);
std::expected<UnwindData, UnwindFailure> read_xdata(Reader& reader, std::uint64_t address);

Result<Registers> decode_context(ByteView bytes);
void take(const formats::KTrapFrameArm64& frame, Registers& registers);
std::optional<Registers> trap_frame(const memory::AddressSpace& memory, std::uint64_t address);
std::uint64_t strip(std::uint64_t address);

} // namespace dumptriage::arch::arm64
