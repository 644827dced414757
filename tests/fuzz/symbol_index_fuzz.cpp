// An index as it lies in the cache folder, which anybody may have written: the reader, and the
// STACK records that are taken from one.
#include "symbols/breakpad_stack.h"

using namespace dumptriage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::string_view kText =
      "STACK CFI INIT 1000 20 .cfa: $esp 4 + .ra: .cfa 4 - ^\nSTACK CFI 1004 .cfa: $esp 8 +\n"
      "STACK WIN 4 1000 20 0 0 4 0 0 0 1 $T0 $ebp = $eip $T0 4 + ^ =\n";
  symbols::breakpad::StackRecords records(kText);
  symbols::IndexReader in(ByteView(data, size));
  if (!records.read(in)) return 0;
  in.good();
  for (std::uint32_t rva = 0xFF0; rva < 0x1030; rva += 3) {
    records.cfi(rva);
    records.frame_data(rva);
  }
  return 0;
}
