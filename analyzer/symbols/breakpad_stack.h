// The STACK records of a Breakpad .sym: where they lie, by rva; a record is read when it is hit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "arch/cfi.h"
#include "arch/frame_data.h"
#include "symbols/symbol_index.h"

namespace dumptriage::symbols::breakpad {

class StackRecords {
public:
  // `text` must outlive this.
  explicit StackRecords(std::string_view text) : text_(text) {}

  void add(std::string_view line); // of `text`, beginning with "STACK "
  void seal();                     // call once after the last add

  // What add() and seal() found out, to and from an index; false when it does not fit the text.
  void write(IndexWriter& out) const;
  bool read(IndexReader& in);

  // Addresses in the answers are rvas.
  std::optional<arch::FrameData> frame_data(std::uint32_t rva) const;
  std::optional<arch::CfiRules> cfi(std::uint32_t rva) const;

private:
  struct Record {
    std::uint32_t rva = 0, size = 0;
    std::uint32_t type = 0; // of STACK WIN
    std::size_t at = 0;     // of what stands behind the address and the size
  };
  static void sort(std::vector<Record>& records);
  static const Record* innermost(const std::vector<Record>& records, std::uint32_t rva);

  std::string_view text_;
  std::vector<Record> win_, cfi_; // sorted by rva, longest first
};

} // namespace dumptriage::symbols::breakpad
