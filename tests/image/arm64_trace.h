// Reads the traces of tests/data/arm64: what a CPU did, instruction by instruction
// (tools/samples/arm64/trace.py writes them and says what they hold).
#pragma once

#include <fstream>

#include "image/image.h"

namespace dumptriage::image {

inline constexpr int kFp = 29, kSp = 31, kPc = 32;
inline constexpr std::uint64_t kTraceBase = 0x140000000; // of the images

inline std::string data_path(const std::string& name) {
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
    if (pc < kTraceBase || pc - kTraceBase >= image_.size_of_image)
      return arch::FunctionLookup::unknown;
    auto result = image_.find_function(static_cast<std::uint32_t>(pc - kTraceBase), entry);
    entry.image_base = kTraceBase;
    return result;
  }

private:
  const Image& image_;
};

inline std::vector<std::byte> laid_out(const Image& image) {
  std::vector<std::byte> bytes(image.size_of_image);
  for (const Section& section : image.sections)
    image.read_rva(section.rva, std::span(bytes).subspan(section.rva));
  return bytes;
}

// The image and the stack as the trace changes it.
inline memory::FlatRanges memory_of(const Trace& trace, const std::vector<std::byte>& image) {
  memory::FlatRanges memory;
  memory.add(kTraceBase, ByteView(image));
  memory.add(trace.low, ByteView(trace.stack.data(), trace.stack.size()));
  memory.seal();
  return memory;
}

} // namespace dumptriage::image
