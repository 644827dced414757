// Breakpad .sym text: MODULE, FILE, FUNC with its lines, PUBLIC.  INLINE and STACK records are
// passed over.  Source: "Breakpad symbol file format" (docs/symbol_files.md of the Breakpad
// project). The first lookup notes where the records lie; lines are read from the text when a
// function is hit.
#include <algorithm>
#include <charconv>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

constexpr char kWhat[] = "Breakpad symbol file";
constexpr std::size_t kLongestName = 4096;

// Takes the next word of a line; empty at the end.
std::string_view word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  std::string_view found = line.substr(0, line.find(' '));
  line.remove_prefix(found.size());
  return found;
}

template <class T> std::optional<T> number(std::string_view text, int base) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::string_view rest_of(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line.substr(0, kLongestName);
}

// The line at `at`, without its end; `at` moves to the next line.
std::string_view next_line(std::string_view text, std::size_t& at) {
  std::string_view line = text.substr(at, text.find('\n', at) - at);
  at += line.size() + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// FUNC and PUBLIC may carry "m" (several names share the address) before the numbers.
std::string_view first_number(std::string_view& line) {
  std::string_view found = word(line);
  return found == "m" ? word(line) : found;
}

class Breakpad final : public SymbolSource {
public:
  Breakpad(std::shared_ptr<const MappedFile> file, ByteView bytes)
      : file_(std::move(file)), text_(bytes.chars()) {}

  Result<void> check(const dump::DebugId& wanted) const;
  std::optional<Symbol> lookup(std::uint32_t rva) override;

private:
  struct Record {
    std::uint32_t rva = 0, size = 0;
    std::size_t name = 0; // offset in the text
    std::size_t next = 0; // of the line behind the record
  };
  void prepare();
  void add(std::vector<Record>& list, std::string_view line, bool has_size, std::size_t next);
  void add_line(const Record& function, std::uint32_t rva, Symbol& symbol) const;
  Symbol symbol_of(const Record& record, std::uint32_t rva, NameSource source) const;

  std::shared_ptr<const MappedFile> file_; // keeps the bytes; null when the caller does
  std::string_view text_;
  bool prepared_ = false;
  std::vector<Record> functions_, publics_;                   // sorted by rva
  std::unordered_map<std::uint32_t, std::string_view> files_; // by number
};

Result<void> Breakpad::check(const dump::DebugId& wanted) const {
  std::size_t at = 0;
  std::string_view line = next_line(text_, at);
  if (word(line) != "MODULE")
    return fail(Code::bad_magic, kWhat, "no MODULE record", Where::text(1, 1));
  word(line); // operating system
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
  if (has_size) size = number<std::uint32_t>(word(line), 16);
  word(line); // bytes of parameters
  std::string_view name = rest_of(line);
  if (!rva || !size || name.empty()) return;
  list.push_back({*rva, *size, static_cast<std::size_t>(name.data() - text_.data()), next});
}

void Breakpad::prepare() {
  if (prepared_) return;
  prepared_ = true;
  for (std::size_t at = 0; at < text_.size();) {
    std::string_view line = next_line(text_, at);
    if (line.starts_with("FUNC ")) {
      add(functions_, line.substr(5), true, at);
    } else if (line.starts_with("PUBLIC ")) {
      add(publics_, line.substr(7), false, at);
    } else if (line.starts_with("FILE ")) {
      line.remove_prefix(5);
      auto id = number<std::uint32_t>(word(line), 10);
      if (id) files_.try_emplace(*id, rest_of(line));
    }
  }
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

// Line records follow their FUNC; they end at the first record that is neither a line nor INLINE.
void Breakpad::add_line(const Record& function, std::uint32_t rva, Symbol& symbol) const {
  for (std::size_t at = function.next; at < text_.size();) {
    std::string_view line = next_line(text_, at);
    if (line.starts_with("INLINE ")) continue;
    auto start = number<std::uint32_t>(word(line), 16);
    auto size = number<std::uint32_t>(word(line), 16);
    auto row = number<std::uint32_t>(word(line), 10);
    auto file = number<std::uint32_t>(word(line), 10);
    if (!start || !size || !row || !file) return;
    if (rva < *start || rva - *start >= *size) continue;
    symbol.line = *row;
    if (auto name = files_.find(*file); name != files_.end())
      symbol.file = utf8_from_ansi(name->second);
    return;
  }
}

std::optional<Symbol> Breakpad::lookup(std::uint32_t rva) {
  prepare();
  auto last_before = [rva](const std::vector<Record>& list) -> const Record* {
    auto next = std::upper_bound(list.begin(), list.end(), rva,
                                 [](std::uint32_t at, const Record& r) { return at < r.rva; });
    if (next == list.begin()) return nullptr;
    // Of several at one address the first in the file is taken.
    auto first = std::lower_bound(list.begin(), next, std::prev(next)->rva,
                                  [](const Record& r, std::uint32_t at) { return r.rva < at; });
    return &*first;
  };
  const Record* function = last_before(functions_);
  if (function != nullptr && rva - function->rva < function->size) {
    Symbol symbol = symbol_of(*function, rva, NameSource::breakpad);
    add_line(*function, rva, symbol);
    return symbol;
  }
  const Record* nearest = last_before(publics_);
  if (nearest == nullptr) return std::nullopt;
  Symbol symbol = symbol_of(*nearest, rva, NameSource::breakpad_public);
  // A public has no size; a function that lies between it and the address ends its reach.
  symbol.far =
      symbol.offset >= kFarthestPublic || (function != nullptr && function->rva >= nearest->rva);
  return symbol;
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
