// Breakpad .sym text: MODULE, FILE, FUNC with its lines and INLINE records, INLINE_ORIGIN, PUBLIC;
// STACK records are in breakpad_stack.  Source: "Breakpad symbol file format"
// (docs/symbol_files.md of the Breakpad project). The first question notes where the records lie;
// they are read from the text when a function is hit.
#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.h"
#include "symbols/breakpad_stack.h"
#include "symbols/breakpad_text.h"
#include "symbols/sources.h"
#include "symbols/symbol_index.h"

namespace dumptriage::symbols {
namespace {

using namespace breakpad;

constexpr char kWhat[] = "Breakpad symbol file";
// FUNC and PUBLIC may carry "m" (several names share the address) before the numbers.
std::string_view first_number(std::string_view& line) {
  std::string_view found = word(line);
  return found == "m" ? word(line) : found;
}

class Breakpad final : public SymbolSource {
public:
  Breakpad(std::shared_ptr<const MappedFile> file, ByteView bytes)
      : file_(std::move(file)), text_(bytes.chars()), stack_(text_) {}

  Result<void> check(const dump::DebugId& wanted);
  std::optional<Symbol> lookup(std::uint32_t rva) override;
  std::vector<InlineCall> inlines(std::uint32_t rva) override;
  std::optional<arch::CfiRules> cfi(std::uint32_t rva) override;
  std::optional<arch::FrameData> frame_data(std::uint32_t rva) override;

private:
  struct Record {
    std::uint32_t rva = 0, size = 0;
    std::size_t name = 0; // offset in the text
    std::size_t next = 0; // of the line behind the record
  };
  void prepare();
  void scan();
  std::string_view taken(std::uint64_t at, std::uint64_t size) const;
  void save(IndexWriter& out) const;
  bool load(IndexReader in);
  // Whether the line of the record says what the index said; without an index it does.
  bool is_true(const Record& record) const;
  void add(std::vector<Record>& list, std::string_view line, bool has_size, std::size_t next);
  void add_origin(std::string_view line);
  static const Record* last_before(const std::vector<Record>& list, std::uint32_t rva);
  const Record* function_at(std::uint32_t rva);
  // What a function's records say about one address in it.
  struct Place {
    std::string_view file;
    std::uint32_t line = 0;
  };
  struct Call { // an INLINE record
    std::uint32_t depth = 0, origin = 0;
    Place site; // of the call, in the function around it
  };
  struct Body {
    Place place;
    std::vector<Call> calls; // outermost first
  };
  Body read_body(const Record& function, std::uint32_t rva) const;
  std::optional<Call> read_inline(std::string_view line, std::uint32_t rva) const;
  std::string_view file_name(std::uint32_t number) const;
  Symbol symbol_of(const Record& record, std::uint32_t rva, NameSource source) const;

  std::shared_ptr<const MappedFile> file_; // keeps the bytes; null when the caller does
  std::string_view text_;
  bool prepared_ = false;
  bool indexed_ = false; // what follows came from an index
  bool windows_ = false;
  std::vector<Record> functions_, publics_;                   // sorted by rva
  std::unordered_map<std::uint32_t, std::string_view> files_; // by number
  struct Origin {
    std::string_view name;
    std::uint32_t file = UINT32_MAX; // only files of before 2022 have it
  };
  std::unordered_map<std::uint32_t, Origin> origins_; // by number
  StackRecords stack_;
};

Result<void> Breakpad::check(const dump::DebugId& wanted) {
  std::size_t at = 0;
  std::string_view line = next_line(text_, at);
  if (word(line) != "MODULE")
    return fail(Code::bad_magic, kWhat, "no MODULE record", Where::text(1, 1));
  windows_ = equals_no_case(word(line), "windows");
  word(line); // architecture
  std::string_view id = word(line);
  if (id.empty())
    return fail(Code::bad_value, kWhat, "the MODULE record has no id", Where::text(1, 1));
  if (wanted.kind == dump::DebugId::Kind::none || equals_no_case(id, wanted.key())) return {};
  return fail(
      Code::mismatch, kWhat,
      fmt::format("debug id {}, wanted {}", utf8_from_ansi(id.substr(0, 64)), wanted.key()));
}

void Breakpad::add(std::vector<Record>& list, std::string_view line, bool has_size,
                   std::size_t next) {
  auto rva = number<std::uint32_t>(first_number(line), 16);
  std::optional<std::uint32_t> size = 0;
  if (has_size) size = hex_word(line);
  word(line); // bytes of parameters
  std::string_view name = rest_of(line);
  if (!rva || !size || name.empty()) return;
  list.push_back({*rva, *size, static_cast<std::size_t>(name.data() - text_.data()), next});
}

void Breakpad::prepare() {
  // From about here on going through the text takes longer than reading an index.
  constexpr std::size_t kLarge = 8u << 20;
  if (prepared_) return;
  prepared_ = true;
  if (text_.size() < kLarge) return scan();
  const IndexCache cache = IndexCache::of_user();
  const std::string key = content_key(ByteView(text_.data(), text_.size()));
  if (auto saved = cache.load(key)) {
    indexed_ = load(IndexReader(ByteView(*saved)));
    if (indexed_) return;
  }
  scan();
  IndexWriter out;
  save(out);
  cache.save(key, out.bytes());
}

void Breakpad::save(IndexWriter& out) const {
  for (const auto* list : {&functions_, &publics_}) {
    out.number64(list->size());
    for (const Record& record : *list) {
      out.number32(record.rva);
      out.number32(record.size);
      out.number64(record.name);
      out.number64(record.next);
    }
  }
  auto place = [&](std::string_view text) {
    out.number64(text.empty() ? 0 : static_cast<std::uint64_t>(text.data() - text_.data()));
    out.number64(text.size());
  };
  out.number64(files_.size());
  for (const auto& [number, name] : files_) {
    out.number32(number);
    place(name);
  }
  out.number64(origins_.size());
  for (const auto& [number, origin] : origins_) {
    out.number32(number);
    out.number32(origin.file);
    place(origin.name);
  }
  stack_.write(out);
}

std::string_view Breakpad::taken(std::uint64_t at, std::uint64_t size) const {
  return ByteView(text_.data(), text_.size()).clamp(at, size).chars();
}

bool Breakpad::load(IndexReader in) {
  for (auto* list : {&functions_, &publics_}) {
    list->resize(in.count(24));
    std::uint32_t before = 0;
    for (Record& record : *list) {
      record.rva = in.number32();
      record.size = in.number32();
      record.name = in.number64();
      record.next = in.number64();
      if (record.rva < before || record.name > text_.size()) return false;
      before = record.rva;
    }
  }
  for (std::uint64_t i = in.count(20); i > 0; --i) {
    const std::uint32_t number = in.number32();
    const std::uint64_t at = in.number64(), size = in.number64();
    files_.try_emplace(number, taken(at, size));
  }
  for (std::uint64_t i = in.count(24); i > 0; --i) {
    const std::uint32_t number = in.number32();
    Origin origin;
    origin.file = in.number32();
    const std::uint64_t at = in.number64(), size = in.number64();
    origin.name = taken(at, size);
    origins_.try_emplace(number, origin);
  }
  return stack_.read(in) && in.good();
}

bool Breakpad::is_true(const Record& record) const {
  if (!indexed_) return true;
  const auto end = text_.rfind('\n', record.name);
  std::size_t at = end == std::string_view::npos ? 0 : end + 1;
  std::string_view line = next_line(text_, at);
  const bool function = line.starts_with("FUNC ");
  if (!function && !line.starts_with("PUBLIC ")) return false;
  if (function && record.next != at) return false;
  word(line);
  if (number<std::uint32_t>(first_number(line), 16) != record.rva) return false;
  return !function || hex_word(line) == record.size;
}

void Breakpad::scan() {
  indexed_ = false;
  functions_.clear();
  publics_.clear();
  files_.clear();
  origins_.clear();
  stack_ = StackRecords(text_);
  for (std::size_t at = 0; at < text_.size();) {
    std::string_view line = next_line(text_, at);
    if (line.starts_with("FUNC ")) {
      add(functions_, line.substr(5), true, at);
    } else if (line.starts_with("PUBLIC ")) {
      add(publics_, line.substr(7), false, at);
    } else if (line.starts_with("FILE ")) {
      line.remove_prefix(5);
      if (auto id = decimal_word(line)) files_.try_emplace(*id, rest_of(line));
    } else if (line.starts_with("INLINE_ORIGIN ")) {
      add_origin(line.substr(14));
    } else if (line.starts_with("STACK ")) {
      stack_.add(line);
    }
  }
  stack_.seal();
  auto by_rva = [](const Record& a, const Record& b) { return a.rva < b.rva; };
  std::stable_sort(functions_.begin(), functions_.end(), by_rva);
  std::stable_sort(publics_.begin(), publics_.end(), by_rva);
}

Symbol Breakpad::symbol_of(const Record& record, std::uint32_t rva, NameSource source) const {
  std::size_t at = record.name;
  Symbol symbol;
  symbol.decorated = utf8_from_ansi(rest_of(next_line(text_, at)));
  symbol.function = without_return_type(without_arguments(undecorate(symbol.decorated)));
  symbol.rva = record.rva;
  symbol.offset = rva - record.rva;
  symbol.size = record.size;
  symbol.source = source;
  return symbol;
}

std::string_view Breakpad::file_name(std::uint32_t number) const {
  auto found = files_.find(number);
  return found == files_.end() ? std::string_view{} : found->second;
}

// "number name", before 2022 "number file name": no name begins with a digit.
void Breakpad::add_origin(std::string_view line) {
  const auto id = decimal_word(line);
  if (!id) return;
  Origin origin;
  std::string_view rest = line;
  if (const auto file = decimal_word(rest)) {
    origin.file = *file;
    line = rest;
  }
  origin.name = rest_of(line);
  origins_.try_emplace(*id, origin);
}

// "depth line file origin {address size}", before 2022 without the file.  Nothing when no range
// holds `rva`.
std::optional<Breakpad::Call> Breakpad::read_inline(std::string_view line,
                                                    std::uint32_t rva) const {
  std::size_t words = 0;
  for (auto rest = line; !word(rest).empty();) ++words;
  Call call;
  const auto depth = decimal_word(line), row = decimal_word(line);
  const bool has_file = words % 2 == 0;
  // -1 stands for a file that is not known
  const auto file = has_file ? decimal_word(line) : std::nullopt;
  const auto origin = decimal_word(line);
  if (!depth || !row || !origin) return std::nullopt;
  call.depth = *depth;
  call.origin = *origin;
  call.site = {file ? file_name(*file) : std::string_view{}, *row};
  for (;;) {
    const auto start = hex_word(line), size = hex_word(line);
    if (!start || !size) return std::nullopt;
    if (rva >= *start && rva - *start < *size) return call;
  }
}

// Line and INLINE records follow their FUNC and end at the first other one.
Breakpad::Body Breakpad::read_body(const Record& function, std::uint32_t rva) const {
  constexpr std::size_t kDeepest = 256;
  Body body;
  for (std::size_t at = function.next; at < text_.size();) {
    std::string_view line = next_line(text_, at);
    if (line.starts_with("INLINE ")) {
      if (body.calls.size() == kDeepest) continue;
      if (auto call = read_inline(line.substr(7), rva)) body.calls.push_back(*call);
      continue;
    }
    const auto start = hex_word(line), size = hex_word(line);
    const auto row = decimal_word(line), file = decimal_word(line);
    if (!start || !size || !row || !file) break;
    if (rva < *start || rva - *start >= *size || body.place.line != 0) continue;
    body.place = {file_name(*file), *row};
  }
  std::stable_sort(body.calls.begin(), body.calls.end(),
                   [](const Call& a, const Call& b) { return a.depth < b.depth; });
  // Each depth once, none left out: otherwise which call is in which is not known.
  for (std::size_t i = 0; i < body.calls.size(); ++i) {
    if (body.calls[i].depth != i) {
      body.calls.clear();
      break;
    }
    // Old files: the call stands in the file of the function around it.
    Place& site = body.calls[i].site;
    if (i == 0 || !site.file.empty()) continue;
    auto around = origins_.find(body.calls[i - 1].origin);
    if (around != origins_.end()) site.file = file_name(around->second.file);
  }
  return body;
}

// Of several at one address the first in the file is taken.
const Breakpad::Record* Breakpad::last_before(const std::vector<Record>& list, std::uint32_t rva) {
  auto next = std::upper_bound(list.begin(), list.end(), rva,
                               [](std::uint32_t at, const Record& r) { return at < r.rva; });
  if (next == list.begin()) return nullptr;
  auto first = std::lower_bound(list.begin(), next, std::prev(next)->rva,
                                [](const Record& r, std::uint32_t at) { return r.rva < at; });
  return &*first;
}

const Breakpad::Record* Breakpad::function_at(std::uint32_t rva) {
  prepare();
  const Record* function = last_before(functions_, rva);
  if (function != nullptr && !is_true(*function)) {
    scan(); // the index was that of another file
    function = last_before(functions_, rva);
  }
  return function != nullptr && rva - function->rva < function->size ? function : nullptr;
}

std::optional<Symbol> Breakpad::lookup(std::uint32_t rva) {
  if (const Record* function = function_at(rva)) {
    Symbol symbol = symbol_of(*function, rva, NameSource::breakpad);
    const Body body = read_body(*function, rva);
    const Place place = body.calls.empty() ? body.place : body.calls.front().site;
    symbol.file = utf8_from_ansi(place.file);
    symbol.line = place.line;
    return symbol;
  }
  const Record* nearest = last_before(publics_, rva);
  if (nearest != nullptr && !is_true(*nearest)) {
    scan();
    nearest = last_before(publics_, rva);
  }
  if (nearest == nullptr) return std::nullopt;
  Symbol symbol = symbol_of(*nearest, rva, NameSource::breakpad_public);
  // A public has no size; a function that lies between it and the address ends its reach.
  const Record* function = last_before(functions_, rva);
  symbol.far =
      symbol.offset >= kFarthestPublic || (function != nullptr && function->rva >= nearest->rva);
  return symbol;
}

std::vector<InlineCall> Breakpad::inlines(std::uint32_t rva) {
  const Record* function = function_at(rva);
  if (function == nullptr) return {};
  Body body = read_body(*function, rva);
  std::vector<InlineCall> calls;
  Place place = body.place;
  for (auto call = body.calls.rbegin(); call != body.calls.rend(); ++call) {
    auto origin = origins_.find(call->origin);
    const std::string name = origin == origins_.end() ? "?" : utf8_from_ansi(origin->second.name);
    calls.push_back({without_return_type(without_arguments(undecorate(name))),
                     utf8_from_ansi(place.file), place.line});
    place = call->site;
  }
  return calls;
}

std::optional<arch::CfiRules> Breakpad::cfi(std::uint32_t rva) {
  prepare();
  auto rules = stack_.cfi(rva);
  if (rules) rules->body_only = windows_;
  return rules;
}

std::optional<arch::FrameData> Breakpad::frame_data(std::uint32_t rva) {
  prepare();
  auto data = stack_.frame_data(rva);
  if (!data) return std::nullopt;
  if (const Record* function = function_at(rva)) data->function = function->rva;
  return data;
}

Result<std::shared_ptr<SymbolSource>> make(std::shared_ptr<const MappedFile> file, ByteView bytes,
                                           const dump::DebugId& wanted) {
  auto symbols = std::make_shared<Breakpad>(std::move(file), bytes);
  if (auto checked = symbols->check(wanted); !checked) return std::unexpected(checked.error());
  return symbols;
}

} // namespace

Result<std::shared_ptr<SymbolSource>> open_breakpad(const std::string& path,
                                                    const dump::DebugId& wanted) {
  auto file = MappedFile::open(path);
  if (!file) return std::unexpected(file.error());
  return make(*file, (*file)->bytes(), wanted);
}

Result<std::shared_ptr<SymbolSource>> read_breakpad(ByteView bytes, const dump::DebugId& wanted) {
  return make(nullptr, bytes, wanted);
}

} // namespace dumptriage::symbols
