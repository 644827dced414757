// The frame records of one image, by rva: FPO and FrameData of a PDB, later DBG and STACK WIN.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "arch/frame_data.h"
#include "base/bytes.h"

namespace dumptriage::symbols {

class FrameTable {
public:
  void add_fpo(ByteView records);
  // `name_at` gives the program at an offset of the names stream.  The stream may begin with a word
  // that is no record.
  void add_frame_data(ByteView stream, const std::function<std::string(std::uint32_t)>& name_at);
  void seal(); // call once after the last add
  // The innermost record that covers `rva`; FrameData goes before FPO.  FrameData::start is an rva.
  std::optional<arch::FrameData> find(std::uint32_t rva) const;
  bool empty() const { return records_.empty(); }

private:
  struct Record {
    arch::FrameData data;
    std::uint32_t program = 0; // index in programs_
  };
  std::vector<Record> records_;       // sorted by start, longest first
  std::vector<std::string> programs_; // most functions share a few
};

} // namespace dumptriage::symbols
