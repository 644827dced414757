// STACK WIN and STACK CFI.  Source: "Breakpad symbol file format" (docs/symbol_files.md of the
// Breakpad project).
//
//   STACK WIN type rva code prologue epilogue parameters saved locals stack has_program PROGRAM
//   STACK CFI INIT rva size RULES        STACK CFI rva RULES
//
// All numbers are hexadecimal.  Types are those of DIA's StackFrameTypeEnum; without a program the
// last word of STACK WIN says whether ebp is used for something else.  Rules in force at an address
// are those of INIT and of every line behind it up to that address.
#include "symbols/breakpad_stack.h"

#include <string>
#include <tuple>

#include "symbols/breakpad_text.h"

namespace dumptriage::symbols::breakpad {
namespace {

using arch::FrameData;

// Records that begin at or before an rva and are looked at for the innermost one.
constexpr int kMostNested = 64;
// Lines behind one STACK CFI INIT: a function that pushes and pops at every call has a few hundred.
constexpr int kMostLines = 1 << 16;

constexpr std::uint32_t kFpo = 0, kTrap = 1, kTss = 2, kStandard = 3, kFrameData = 4;

std::optional<FrameData::Kind> kind_of(std::uint32_t type) {
  switch (type) {
  case kFpo: return FrameData::Kind::fpo;
  case kTrap: return FrameData::Kind::trap;
  case kTss: return FrameData::Kind::tss;
  case kStandard: return FrameData::Kind::frame_pointer;
  case kFrameData: return FrameData::Kind::program;
  default: return std::nullopt;
  }
}

// The rules in force, one for each register, in the order in which registers come up.
class Rules {
public:
  void add(std::string_view text) {
    std::string_view name;
    const char* begin = text.data();
    const char* last = begin; // end of the current rule
    for (auto w = word(text); !w.empty(); w = word(text)) {
      if (w.size() > 1 && w.ends_with(':')) {
        set(name, {begin, last});
        name = w;
        begin = last = w.data() + w.size();
      } else {
        last = w.data() + w.size();
      }
    }
    set(name, {begin, last});
  }
  std::string text() const {
    std::string all;
    for (const auto& [name, rule] : rules_) {
      if (!all.empty()) all += ' ';
      all.append(name).append(rule);
    }
    return all;
  }

private:
  static constexpr std::size_t kMostRegisters = 128;
  void set(std::string_view name, std::string_view rule) {
    if (name.empty()) return;
    for (auto& [known, text] : rules_)
      if (known == name) {
        text = rule;
        return;
      }
    if (rules_.size() < kMostRegisters) rules_.emplace_back(name, rule);
  }
  std::vector<std::pair<std::string_view, std::string_view>> rules_;
};

} // namespace

void StackRecords::add(std::string_view line) {
  word(line); // STACK
  const std::string_view kind = word(line);
  std::optional<std::uint32_t> type;
  if (kind == "WIN") {
    type = hex_word(line);
    if (!type || !kind_of(*type)) return;
  } else if (kind != "CFI" || word(line) != "INIT") {
    return; // a line behind INIT is read with it
  }
  const auto rva = hex_word(line), size = hex_word(line);
  if (!rva || !size) return;
  const auto at = static_cast<std::size_t>(line.data() - text_.data());
  (type ? win_ : cfi_).push_back({*rva, *size, type.value_or(0), at});
}

void StackRecords::sort(std::vector<Record>& records) {
  auto rank = [](const Record& r) { return std::tuple(r.rva, ~r.size, r.type == kFrameData); };
  std::stable_sort(records.begin(), records.end(),
                   [&](const Record& a, const Record& b) { return rank(a) < rank(b); });
}

void StackRecords::write(IndexWriter& out) const {
  for (const auto* list : {&win_, &cfi_}) {
    out.number64(list->size());
    for (const Record& record : *list) {
      out.number32(record.rva);
      out.number32(record.size);
      out.number32(record.type);
      out.number64(record.at);
    }
  }
}

bool StackRecords::read(IndexReader& in) {
  for (auto* list : {&win_, &cfi_}) {
    list->resize(in.count(20));
    for (Record& record : *list) {
      record.rva = in.number32();
      record.size = in.number32();
      record.type = in.number32();
      record.at = in.number64();
      if (record.at > text_.size()) return false;
    }
    if (!std::is_sorted(list->begin(), list->end(),
                        [](const Record& a, const Record& b) { return a.rva < b.rva; }))
      return false;
  }
  return true;
}

void StackRecords::seal() {
  sort(win_);
  sort(cfi_);
}

const StackRecords::Record* StackRecords::innermost(const std::vector<Record>& records,
                                                    std::uint32_t rva) {
  auto next = std::upper_bound(records.begin(), records.end(), rva,
                               [](std::uint32_t at, const Record& r) { return at < r.rva; });
  const Record* found = nullptr;
  for (int i = 0; i < kMostNested && next != records.begin(); ++i) {
    const Record& record = *--next;
    if (rva - record.rva >= record.size) continue;
    if (record.type == kFrameData) return &record; // goes before FPO
    if (found == nullptr) found = &record;
  }
  return found;
}

std::optional<FrameData> StackRecords::frame_data(std::uint32_t rva) const {
  const Record* record = innermost(win_, rva);
  if (record == nullptr) return std::nullopt;
  std::size_t at = record->at;
  std::string_view line = next_line(text_, at);
  const auto prologue = hex_word(line), epilogue = hex_word(line), parameters = hex_word(line),
             saved = hex_word(line), locals = hex_word(line), deepest = hex_word(line),
             has_program = hex_word(line);
  if (!prologue || !epilogue || !parameters || !saved || !locals || !deepest || !has_program)
    return std::nullopt;
  FrameData data;
  data.start = record->rva;
  data.size = record->size;
  data.prologue = *prologue;
  data.parameters = *parameters;
  data.saved_registers = *saved;
  data.locals = *locals;
  data.kind = *kind_of(record->type);
  if (*has_program != 0) {
    data.kind = FrameData::Kind::program;
    data.program = rest_of(line);
    return data;
  }
  if (data.kind == FrameData::Kind::program) data.kind = FrameData::Kind::fpo;
  data.saves_ebp = word(line) == "1";
  return data;
}

std::optional<arch::CfiRules> StackRecords::cfi(std::uint32_t rva) const {
  const Record* record = innermost(cfi_, rva);
  if (record == nullptr) return std::nullopt;
  std::size_t at = record->at;
  Rules rules;
  rules.add(next_line(text_, at));
  for (int i = 0; i < kMostLines && at < text_.size(); ++i) {
    std::string_view line = next_line(text_, at);
    if (word(line) != "STACK" || word(line) != "CFI") break;
    const auto from = hex_word(line);
    if (!from) break; // INIT
    if (*from <= rva) rules.add(line);
  }
  arch::CfiRules found;
  found.start = record->rva;
  found.rules = rules.text();
  return found;
}

} // namespace dumptriage::symbols::breakpad
