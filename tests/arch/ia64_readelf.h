// Unwind descriptors in the words of `readelf -u`, and readelf's own for any descriptors.
#pragma once

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "arch/ia64_unwind_info.h"

namespace dumptriage::arch {

using Lines = std::vector<std::string>;
using Bytes = std::vector<std::uint8_t>;

// Names of the registers in a mask whose bit n is `names[n]`.
inline std::string registers_in(std::uint32_t mask, std::initializer_list<const char*> names) {
  std::string text;
  for (const char* name : names) {
    if (mask & 1) text += (text.empty() ? "" : ",") + std::string(name);
    mask >>= 1;
  }
  return text;
}
inline std::string general_in(std::uint32_t mask) {
  return registers_in(mask, {"r4", "r5", "r6", "r7"});
}
inline std::string branches_in(std::uint32_t mask) {
  return registers_in(mask, {"b1", "b2", "b3", "b4", "b5"});
}
inline std::string floats_in(std::uint32_t mask) {
  return registers_in(mask, {"f2",  "f3",  "f4",  "f5",  "f16", "f17", "f18", "f19", "f20", "f21",
                             "f22", "f23", "f24", "f25", "f26", "f27", "f28", "f29", "f30", "f31"});
}
// Two bits for each slot, bundles apart by commas.
inline std::string spills_in(const Ia64Record& r) {
  std::string text;
  for (std::uint64_t slot = 0; slot < r.rlen; ++slot) {
    const unsigned bits = r.imask.u8(slot / 4).value_or(0) >> (6 - 2 * (slot % 4)) & 3;
    if (slot != 0 && slot % 3 == 0) text += ',';
    text += "-frb"[bits];
  }
  return text;
}
// readelf writes five bits of the number that the target has seven of.  Branch and floating
// register at once are no target; our records do not keep both bits.
inline std::string target_of(const Ia64Record& r, ByteView descriptors) {
  const unsigned byte = descriptors.u8(r.at + (r.format == Ia64Format::X2 ? 2 : 3)).value_or(0);
  if (r.target == Ia64Record::Target::br && byte & 0x80) return "invalid";
  const char file = r.target == Ia64Record::Target::br   ? 'b'
                    : r.target == Ia64Record::Target::fr ? 'f'
                                                         : 'r';
  return fmt::format("{}{}", file, r.treg & 0x1F);
}

// What readelf writes in the parentheses.
inline std::string arguments_of(const Ia64Record& r, ByteView descriptors) {
  std::string reg = name_of_unwind_register(r.reg);
  if (reg == "priunat") reg = "@priunat";
  const bool predicated = r.format == Ia64Format::X3 || r.format == Ia64Format::X4;
  const std::string at = fmt::format("t={},reg={}", r.t, reg);
  const std::string qp =
      predicated ? fmt::format("qp=p{},{}", r.qp, at) : fmt::format("reg={},t={}", reg, r.t);
  const auto psp = fmt::format("pspoff=0x10-0x{:x}", 4 * r.value);
  const auto sp = fmt::format("spoff=0x{:x}", 4 * r.value);
  switch (r.op) {
  case Ia64Op::prologue:
  case Ia64Op::body: return fmt::format("rlen={}", r.rlen);
  case Ia64Op::prologue_gr: {
    std::string mask;
    for (const auto& [bit, name] : {std::pair{8, "rp"}, {4, "ar.pfs"}, {2, "psp"}, {1, "pr"}})
      if (r.mask & bit) mask += (mask.empty() ? "" : ",") + std::string(name);
    return fmt::format("mask=[{}],grsave=r{},rlen={}", mask, r.gr, r.rlen);
  }
  case Ia64Op::br_mem: return fmt::format("brmask=[{}]", branches_in(r.mask));
  case Ia64Op::br_gr: return fmt::format("brmask=[{}],gr=r{}", branches_in(r.mask), r.gr);
  case Ia64Op::gr_mem: return fmt::format("grmask=[{}]", general_in(r.mask));
  case Ia64Op::gr_gr: return fmt::format("grmask=[{}],r{}", general_in(r.mask), r.gr);
  case Ia64Op::fr_mem: return fmt::format("frmask=[{}]", floats_in(r.frmask ? r.frmask : r.mask));
  case Ia64Op::frgr_mem:
    return fmt::format("grmask=[{}],frmask=[{}]", general_in(r.mask), floats_in(r.frmask));
  case Ia64Op::spill_mask: return fmt::format("imask=[{}]", spills_in(r));
  case Ia64Op::mem_stack_f: return fmt::format("t={},size={}", r.t, 16 * r.value);
  case Ia64Op::mem_stack_v:
  case Ia64Op::when: return fmt::format("t={}", r.t);
  case Ia64Op::in_gr: return fmt::format("reg=r{}", r.gr);
  case Ia64Op::in_br: return fmt::format("reg=b{}", r.gr);
  case Ia64Op::spill_base:
  case Ia64Op::psprel: return psp;
  case Ia64Op::sprel: return sp;
  case Ia64Op::unwabi: {
    constexpr const char* kNames[] = {"@svr4", "@hpux", "@nt"};
    return r.abi < 3 ? fmt::format("abi={},context=0x{:02x}", kNames[r.abi], r.context)
                     : fmt::format("abi=0x{:x},context=0x{:02x}", r.abi, r.context);
  }
  case Ia64Op::label_state:
  case Ia64Op::copy_state: return fmt::format("label={}", r.value);
  case Ia64Op::epilogue: return fmt::format("t={},ecount={}", r.t, r.value);
  case Ia64Op::spill_psprel: return qp + "," + psp;
  case Ia64Op::spill_sprel: return qp + "," + sp;
  case Ia64Op::spill_reg: return (predicated ? qp : at) + ",treg=" + target_of(r, descriptors);
  case Ia64Op::restore: return predicated ? qp : at;
  }
  return "?";
}

// readelf calls the predicates pr.
inline std::string readelf_name_of(const Ia64Record& r) {
  std::string name(name_of(r));
  if (name.starts_with("preds")) name.replace(0, 5, "pr");
  return name;
}

struct Printed {
  Lines lines;
  std::string error; // where the descriptors end in one
};
inline Printed print_records(ByteView descriptors) {
  Printed result;
  Ia64Records records(descriptors);
  for (;;) {
    const auto record = records.next();
    if (!record) {
      result.error = record.error().message();
      return result;
    }
    if (!*record) return result;
    const Ia64Record& r = **record;
    const bool predicated = r.format == Ia64Format::X3 || r.format == Ia64Format::X4;
    result.lines.push_back(fmt::format("{}{}:{}{}({})", r.region() ? "    " : "\t",
                                       name_of(r.format), readelf_name_of(r),
                                       predicated ? "_p" : "", arguments_of(r, descriptors)));
  }
}

// readelf -u: the lines of records behind each "info at +0x...", by that offset.
inline std::map<std::uint64_t, Lines> read_readelf(std::istream& text) {
  std::map<std::uint64_t, Lines> functions;
  Lines* lines = nullptr;
  std::string line;
  while (std::getline(text, line)) {
    if (const auto at = line.find("info at +0x"); at != std::string::npos)
      lines = &functions[std::stoull(line.substr(at + 11), nullptr, 16)];
    else if (lines && (line.starts_with("    ") || line.starts_with("\t")))
      lines->push_back(line);
  }
  return functions;
}

inline bool ia64_readelf_is_here() {
  return std::system("ia64-linux-gnu-readelf --version >/dev/null 2>&1") == 0;
}

// The smallest file that readelf -u reads: one entry for each of `functions`, whose descriptors
// (a multiple of 8 bytes each) stand one after the other.
class UnwindElf {
public:
  explicit UnwindElf(const std::vector<Bytes>& functions) {
    for (const Bytes& descriptors : functions) {
      places_.push_back(info_.size());
      put(info_, descriptors.size() / 8, 4);
      put(info_, 0, 2); // flags
      put(info_, 1, 2); // version
      info_.insert(info_.end(), descriptors.begin(), descriptors.end());
    }
    for (std::size_t i = 0; i < functions.size(); ++i)
      for (const std::uint64_t value : {kText + 16 * i, kText + 16 * (i + 1), kInfo + places_[i]})
        put(table_, value, 8);
  }
  // What readelf says about each function.
  std::vector<Lines> ask(const std::filesystem::path& file) const {
    const Bytes bytes = content();
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    std::string output;
    const std::string command = "ia64-linux-gnu-readelf -u '" + file.string() + "' 2>&1";
    if (FILE* pipe = popen(command.c_str(), "r")) {
      std::array<char, 4096> piece{};
      while (const std::size_t got = fread(piece.data(), 1, piece.size(), pipe))
        output.append(piece.data(), got);
      pclose(pipe);
    }
    std::filesystem::remove(file);
    std::istringstream text(output);
    const auto found = read_readelf(text);
    std::vector<Lines> lines;
    for (const std::uint64_t place : places_) {
      const auto row = found.find(kInfo + place);
      lines.push_back(row == found.end() ? Lines{"no answer"} : row->second);
    }
    return lines;
  }

private:
  static constexpr std::uint64_t kInfo = 0x100000, kText = 0x40000000;
  static void put(Bytes& bytes, std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  struct Section {
    std::uint32_t name, type;
    std::uint64_t address, offset, size;
  };
  Bytes content() const {
    const std::string names("\0.IA_64.unwind\0.IA_64.unwind_info\0.shstrtab\0", 44);
    const std::uint64_t table = 64, info = table + table_.size(), strings = info + info_.size(),
                        headers = strings + names.size();
    Bytes file = {0x7F, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    put(file, 2, 2);  // an executable: no relocations
    put(file, 50, 2); // IA-64
    put(file, 1, 4);
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{0}, headers})
      put(file, value, 8);
    put(file, 0x10, 4); // 64-bit
    for (const unsigned value : {64u, 56u, 0u, 64u, 4u, 3u}) put(file, value, 2);
    file.insert(file.end(), table_.begin(), table_.end());
    file.insert(file.end(), info_.begin(), info_.end());
    file.insert(file.end(), names.begin(), names.end());
    const Section sections[] = {{0, 0, 0, 0, 0},
                                {1, 0x70000001, 0, table, table_.size()},
                                {15, 1, kInfo, info, info_.size()},
                                {33, 3, 0, strings, names.size()}};
    for (const Section& s : sections) {
      put(file, s.name, 4);
      put(file, s.type, 4);
      put(file, s.name && s.type != 3 ? 2 : 0, 8);
      for (const std::uint64_t value : {s.address, s.offset, s.size}) put(file, value, 8);
      for (int i = 0; i < 3; ++i) put(file, 0, 8);
    }
    return file;
  }
  Bytes info_, table_;
  std::vector<std::uint64_t> places_;
};

} // namespace dumptriage::arch
