#include "symbols/pdb_inlines.h"

#include <algorithm>

#include "formats/pdb7.h"

namespace dumptriage::symbols {
namespace {

using namespace formats;

// Records of one procedure that are looked at.
constexpr int kMostRecords = 1 << 18;

class Annotations {
public:
  explicit Annotations(ByteView bytes) : bytes_(bytes) {}
  // Nothing at the end and for what is no number.
  std::optional<std::uint32_t> number() {
    auto first = bytes_.u8(at_);
    if (!first) return std::nullopt;
    const int more = *first < 0x80 ? 0 : *first < 0xC0 ? 1 : *first < 0xE0 ? 3 : -1;
    if (more < 0) return std::nullopt;
    std::uint32_t value = *first & (more == 0 ? 0x7F : more == 1 ? 0x3F : 0x1F);
    for (int i = 1; i <= more; ++i) {
      auto next = bytes_.u8(at_ + i);
      if (!next) return std::nullopt;
      value = value << 8 | *next;
    }
    at_ += more + 1;
    return value;
  }

private:
  ByteView bytes_;
  std::uint64_t at_ = 0;
};

std::int64_t signed_of(std::uint32_t value) {
  const std::int64_t size = value >> 1;
  return value & 1 ? -size : size;
}

// Follows the annotations' state: where the code stands, which line it has, and the stretch of code
// that is not closed yet.  A stretch ends where its length says, else where the next one begins.
class Stretches {
public:
  explicit Stretches(std::uint32_t wanted) : wanted_(wanted) {}
  std::optional<PdbInlineSite::Line> found;

  // False when nothing more is to be found.
  bool apply(std::uint32_t operation, std::uint32_t a, std::uint32_t b) {
    switch (operation) {
    case kCodeOffset: offset_ = a; break;
    case kChangeCodeOffsetBase: base_ = a; break;
    case kChangeCodeOffset: begin(a); break;
    case kChangeCodeLength:
      close(a);
      offset_ += a;
      break;
    case kChangeFile: line_.file = a; break;
    case kChangeLineOffset: line_.from_start += signed_of(a); break;
    case kChangeCodeOffsetAndLineOffset:
      line_.from_start += signed_of(a >> 4);
      begin(a & 0xF);
      break;
    case kChangeCodeLengthAndCodeOffset:
      begin(b);
      close(a);
      break;
    default: break; // columns, kinds of ranges
    }
    return !found;
  }

private:
  void begin(std::uint32_t distance) {
    offset_ += distance;
    if (offset_ > start_) close(offset_ - start_);
    // What lies in another part of the function is not counted from its start.
    open_ = base_ == 0;
    start_ = offset_;
    open_line_ = line_;
  }
  void close(std::uint64_t length) {
    if (open_ && wanted_ >= start_ && wanted_ - start_ < length) found = open_line_;
    open_ = false;
  }

  std::uint32_t wanted_;
  std::uint64_t offset_ = 0, start_ = 0;
  std::uint32_t base_ = 0;
  bool open_ = false;
  PdbInlineSite::Line line_, open_line_;
};

bool opens_scope(std::uint16_t kind) {
  switch (kind) {
  case kCvThunk32:
  case kCvBlock32:
  case kCvWith32:
  case kCvSeparatedCode:
  case kCvLocalProc32:
  case kCvGlobalProc32:
  case kCvLocalProc32Id:
  case kCvGlobalProc32Id:
  case kCvLocalProc32Dpc:
  case kCvLocalProc32DpcId:
  case kCvInlineSite:
  case kCvInlineSite2: return true;
  default: return false;
  }
}

bool closes_scope(std::uint16_t kind) {
  return kind == kCvEnd || kind == kCvProcIdEnd || kind == kCvInlineSiteEnd;
}

// Nothing for a record that is no inline site.
std::optional<PdbInlineSite> site_of(ByteView record, std::uint16_t kind, std::uint32_t offset) {
  if (kind != kCvInlineSite && kind != kCvInlineSite2) return std::nullopt;
  auto head = record.get<CvInlineSite>(0);
  if (!head) return std::nullopt;
  const std::uint64_t skip = sizeof(CvInlineSite) + (kind == kCvInlineSite2 ? 4 : 0);
  return PdbInlineSite{head->Inlinee,
                       line_of_annotations(record.clamp(skip, record.size()), offset)};
}

} // namespace

std::optional<PdbInlineSite::Line> line_of_annotations(ByteView annotations, std::uint32_t offset) {
  Annotations numbers(annotations);
  Stretches stretches(offset);
  for (;;) {
    auto operation = numbers.number();
    if (!operation || *operation == kAnnotationEnd) break;
    auto a = numbers.number();
    auto b = *operation == kChangeCodeLengthAndCodeOffset ? numbers.number() : 0;
    if (!a || !b || !stretches.apply(*operation, *a, *b)) break;
  }
  return stretches.found;
}

std::vector<PdbInlineSite> inline_sites_at(ByteView records, std::uint64_t procedure,
                                           std::uint32_t offset) {
  std::vector<std::optional<PdbInlineSite>> scopes; // open ones, the sites among them filled
  std::vector<PdbInlineSite> best;
  std::uint64_t at = procedure;
  for (int i = 0; i < kMostRecords; ++i) {
    auto prefix = records.get<CvRecordPrefix>(at);
    if (!prefix || prefix->RecordLength < 2) break;
    auto record = records.slice(at, prefix->RecordLength + 2u);
    if (!record) break;
    at += record->size();
    if (opens_scope(prefix->RecordKind)) {
      scopes.push_back(site_of(*record, prefix->RecordKind, offset));
      if (!scopes.back() || !scopes.back()->line) continue;
      std::vector<PdbInlineSite> chain;
      for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
        if (*scope) chain.push_back(**scope);
      if (chain.size() > best.size()) best = std::move(chain);
    } else if (closes_scope(prefix->RecordKind)) {
      if (!scopes.empty()) scopes.pop_back();
      if (scopes.empty()) break; // the procedure itself
    }
  }
  return best;
}

void PdbInlineeLines::read(ByteView subsection) {
  auto signature = subsection.u32(0);
  if (!signature) return;
  for (std::uint64_t at = 4; auto entry = subsection.get<CvInlineeLine>(at);) {
    lines_.push_back({entry->Inlinee, entry->FileId, entry->SourceLineNum});
    at += sizeof(CvInlineeLine);
    if (*signature != kCvInlineeLinesExtended) continue;
    auto more = subsection.u32(at);
    if (!more) return;
    at += 4 + 4 * std::uint64_t{*more};
  }
}

void PdbInlineeLines::seal() {
  std::stable_sort(lines_.begin(), lines_.end(),
                   [](const Line& a, const Line& b) { return a.inlinee < b.inlinee; });
}

std::optional<PdbInlineeLines::Line> PdbInlineeLines::find(std::uint32_t inlinee) const {
  auto found =
      std::lower_bound(lines_.begin(), lines_.end(), inlinee,
                       [](const Line& line, std::uint32_t id) { return line.inlinee < id; });
  if (found == lines_.end() || found->inlinee != inlinee) return std::nullopt;
  return *found;
}

} // namespace dumptriage::symbols
