// Frame records of 32-bit x86: the first half of the input is read as FPO and FrameData tables, the
// second is a program, run over registers and a stack made of the same bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "symbols/frame_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dumptriage;
  const std::size_t half = size / 2;
  const std::string_view text(reinterpret_cast<const char*>(data + half), size - half);
  symbols::FrameTable table;
  table.add_fpo(ByteView(data, half));
  table.add_frame_data(ByteView(data, half), [&](std::uint32_t at) {
    return at < text.size() ? std::string(text.substr(at, 64)) : std::string();
  });
  table.seal();
  for (std::uint32_t rva : {0u, 0x1000u, 0x1010u, 0xFFFFFFFFu}) table.find(rva);
  arch::FrameVariables variables = {{"$esp", 0x10}, {"$ebp", 0x20}, {".raSearch", 4}};
  arch::run_frame_program(text, variables,
                          [&](std::uint32_t at) { return ByteView(data, half).u32(at); });
  return 0;
}
