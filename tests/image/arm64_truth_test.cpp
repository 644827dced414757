// The ARM64 unwinder against what a CPU did: images built for ARM64 Windows, run one instruction
// after the other (tools/samples/arm64, which says what a trace holds).  At every instruction every
// frame must come out as the call left it.
#include <fstream>

#include <gtest/gtest.h>

#include "image/image.h"

namespace dumptriage::image {
namespace {

using arch::Registers;

constexpr int kFp = 29, kSp = 31, kPc = 32;
constexpr std::uint64_t kBase = 0x140000000;

std::string data_path(const std::string& name) {
  return std::string(DUMPTRIAGE_SOURCE_DIR) + "/tests/data/arm64/" + name;
}

// What a call left behind: its return address, sp, fp, x19 ... x28.
struct TrueFrame {
  std::uint64_t back = 0, saved[12] = {};
  static int register_of(int i) { return i == 0 ? kSp : i == 1 ? kFp : 17 + i; }
};

class Trace {
public:
  explicit Trace(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    ok = bytes_.starts_with("A64T");
    at_ = 4;
    low = number();
    stack.resize(number());
    registers[kPc] = number();
    for (int i = 0; i <= kSp; ++i) registers[i] = number();
  }
  bool ok = false;
  std::uint64_t low = 0, registers[33] = {};
  std::vector<std::uint8_t> stack;
  std::vector<TrueFrame> frames;

  bool next() {
    if (!ok || at_ >= bytes_.size()) return false;
    registers[kPc] = number();
    for (std::uint64_t n = number(); n > 0; --n) {
      const std::uint64_t index = number();
      registers[index] = number();
    }
    for (std::uint64_t n = number(); n > 0; --n) {
      const std::uint64_t offset = number() * 8, value = number();
      for (int i = 0; i < 8; ++i) stack.at(offset + i) = static_cast<std::uint8_t>(value >> 8 * i);
    }
    frames.resize(frames.size() - number());
    for (std::uint64_t n = number(); n > 0; --n) {
      TrueFrame& frame = frames.emplace_back();
      frame.back = number();
      for (std::uint64_t& value : frame.saved) value = number();
    }
    return ok;
  }

private:
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; at_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
    ok = false; // the file ends in a number
    return 0;
  }
  std::string bytes_;
  std::size_t at_ = 0;
};

class Functions final : public arch::UnwindSource {
public:
  explicit Functions(const Image& image) : image_(image) {}
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override {
    if (pc < kBase || pc - kBase >= image_.size_of_image) return arch::FunctionLookup::unknown;
    auto result = image_.find_function(static_cast<std::uint32_t>(pc - kBase), entry);
    entry.image_base = kBase;
    return result;
  }

private:
  const Image& image_;
};

// The frames of the present instruction; the first difference from the truth.
std::string difference(const Trace& trace, const memory::AddressSpace& memory,
                       const Functions& functions) {
  Registers registers;
  for (int i = 0; i <= kPc; ++i) registers.set(i, trace.registers[i]);
  const arch::Arch& arm64 = *arch::find(arch::Machine::arm64);
  for (std::size_t n = trace.frames.size(); n-- > 0;) {
    const bool first = n + 1 == trace.frames.size();
    const std::string frame = "frame " + std::to_string(trace.frames.size() - n);
    auto caller = arm64.unwind_by_data({registers, memory, functions, first});
    if (!caller) return frame + ": " + caller.error().error.message();
    if (caller->machine_frame || !caller->proved) return frame + " is not sure";
    const TrueFrame& truth = trace.frames[n];
    if (caller->registers.get(kPc) != truth.back) return frame + ": pc";
    for (int i = 0; i < 12; ++i)
      if (caller->registers.get(TrueFrame::register_of(i)) != truth.saved[i])
        return frame + ": register " + std::to_string(TrueFrame::register_of(i));
    registers = caller->registers;
  }
  return {};
}

void follow(const std::string& name, std::size_t least_records) {
  auto image = open_file(data_path(name + ".exe"), memory::Origin::image);
  ASSERT_TRUE(image) << image.error().message();
  ASSERT_EQ((*image)->preferred_base, kBase);
  std::vector<std::byte> laid_out((*image)->size_of_image);
  for (const Section& section : (*image)->sections)
    (*image)->read_rva(section.rva, std::span(laid_out).subspan(section.rva));
  Trace trace(data_path(name + ".trace"));
  ASSERT_TRUE(trace.ok);
  memory::FlatRanges memory;
  memory.add(kBase, ByteView(laid_out));
  memory.add(trace.low, ByteView(trace.stack.data(), trace.stack.size()));
  memory.seal();
  const Functions functions(**image);
  std::size_t records = 0, wrong = 0, deepest = 0;
  for (; trace.next(); ++records) {
    deepest = std::max(deepest, trace.frames.size());
    const std::string what = difference(trace, memory, functions);
    if (what.empty()) continue;
    ++wrong;
    EXPECT_EQ(what, "") << std::hex << trace.registers[kPc];
    if (wrong > 20) break;
  }
  EXPECT_TRUE(trace.ok);
  EXPECT_GE(records, least_records);
  EXPECT_GE(deepest, 3u);
  EXPECT_EQ(wrong, 0u);
}

TEST(Arm64Truth, CompiledCode) { follow("compiled", 6000); }
TEST(Arm64Truth, CanonicalProloguesOfPackedData) { follow("canonical", 3000); }

} // namespace
} // namespace dumptriage::image
