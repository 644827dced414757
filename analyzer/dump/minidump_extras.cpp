// Handles, function tables, and what Breakpad adds.
#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/minidump_reading.h"

namespace dumptriage::dump::mdmp {
namespace {

using namespace formats;

constexpr std::uint64_t kMostHandles = 1 << 18;
constexpr std::uint64_t kMostFunctionTables = 1 << 16;
constexpr std::size_t kMostLinuxText = 1 << 20;

} // namespace

void read_handles(Reading& r, const Stream& stream) {
  auto head = stream.bytes.get<MINIDUMP_HANDLE_DATA_STREAM>(0);
  if (!head) return r.note(Code::truncated, stream, "no room for its header", stream.offset);
  // Later versions append fields: the stream says its own stride.
  auto list =
      r.sized_list(stream, head->SizeOfHeader, sizeof(*head), head->SizeOfDescriptor,
                   sizeof(MINIDUMP_HANDLE_DESCRIPTOR), head->NumberOfDescriptors, kMostHandles);
  if (!list) return;
  Tally lost;
  for (std::uint64_t i = 0; i < list->count; ++i) {
    auto raw = *list->entry<MINIDUMP_HANDLE_DESCRIPTOR>(i);
    Handle handle;
    handle.value = raw.Handle;
    handle.attributes = raw.Attributes;
    handle.access = raw.GrantedAccess;
    handle.handle_count = raw.HandleCount;
    handle.pointer_count = raw.PointerCount;
    auto type = r.string(raw.TypeNameRva), object = r.string(raw.ObjectNameRva);
    if (!type || !object) lost.add(list->offset_of(i));
    handle.type = type.value_or("");
    handle.object = object.value_or("");
    r.dump.handles.push_back(std::move(handle));
  }
  r.note(lost, Code::truncated, stream, "names lie outside the file");
}

namespace {

struct FunctionTables {
  std::vector<FunctionTable> tables;
  std::uint64_t end = 0; // offset in the stream
};

// The tables from `at` on, until one does not fit or contradicts itself.
FunctionTables walk_tables(const Reading& r, ByteView bytes,
                           const MINIDUMP_FUNCTION_TABLE_STREAM& head, std::uint64_t at) {
  FunctionTables found;
  std::uint64_t most = std::min<std::uint64_t>(head.NumberOfDescriptors, kMostFunctionTables);
  while (found.tables.size() < most) {
    auto raw = bytes.get<MINIDUMP_FUNCTION_TABLE_DESCRIPTOR>(at);
    if (!raw || raw->MinimumAddress > raw->MaximumAddress) break;
    std::uint64_t entries_at =
        at + std::uint64_t{head.SizeOfDescriptor} + head.SizeOfNativeDescriptor;
    std::uint64_t size = std::uint64_t{raw->EntryCount} * head.SizeOfFunctionEntry;
    auto entries = bytes.slice(entries_at, size);
    if (!entries) break;
    found.tables.push_back({r.narrow(raw->MinimumAddress), r.narrow(raw->MaximumAddress),
                            r.narrow(raw->BaseAddress), head.SizeOfFunctionEntry, *entries});
    at = entries_at + size + raw->SizeOfAlignPad;
  }
  found.end = at;
  return found;
}

} // namespace

void read_function_tables(Reading& r, const Stream& stream) {
  auto head = stream.bytes.get<MINIDUMP_FUNCTION_TABLE_STREAM>(0);
  if (!head) return r.note(Code::truncated, stream, "no room for its header", stream.offset);
  if (head->SizeOfHeader < sizeof(*head) ||
      head->SizeOfDescriptor < sizeof(MINIDUMP_FUNCTION_TABLE_DESCRIPTOR) ||
      head->SizeOfFunctionEntry == 0)
    return r.note(Code::bad_value, stream, "header, descriptors or entries are too small",
                  stream.offset);
  FunctionTables found = walk_tables(r, stream.bytes, *head, head->SizeOfHeader);
  std::uint64_t said = head->NumberOfDescriptors;
  // The header counts a pad that dbghelp does not write; other writers may.
  if (found.tables.size() < said && head->SizeOfAlignPad != 0) {
    auto padded_start = std::uint64_t{head->SizeOfHeader} + head->SizeOfAlignPad;
    FunctionTables other = walk_tables(r, stream.bytes, *head, padded_start);
    if (other.tables.size() > found.tables.size()) found = std::move(other);
  }
  std::uint64_t read = found.tables.size();
  r.dump.function_tables = std::move(found.tables);
  if (read == said) return;
  r.complete = false;
  r.note(read == kMostFunctionTables ? Code::limit : Code::truncated, stream,
         fmt::format("{} tables; {} are read", said, read), stream.offset + found.end);
}

void read_breakpad_info(Reading& r, const Stream& stream) {
  auto raw = stream.bytes.get<MDRawBreakpadInfo>(0);
  if (!raw) return r.note(Code::truncated, stream, "it is too short", stream.offset);
  if ((raw->validity & 1) != 0) r.dump.dump_thread_id = raw->dump_thread_id;
  if ((raw->validity & 2) != 0) r.dump.requesting_thread_id = raw->requesting_thread_id;
}

void read_assertion(Reading& r, const Stream& stream) {
  auto raw = stream.bytes.get<MDRawAssertionInfo>(0);
  if (!raw) return r.note(Code::truncated, stream, "it is too short", stream.offset);
  auto text = [](const std::array<le16, 128>& units) {
    return utf16_text(ByteView(units.data(), sizeof(units)));
  };
  std::string expression = text(raw->expression), function = text(raw->function);
  std::string file = text(raw->file);
  std::string sentence = raw->type == 1   ? "invalid parameter"
                         : raw->type == 2 ? "pure virtual call"
                                          : "assertion failed";
  if (!expression.empty()) sentence += fmt::format(": {}", expression);
  if (!function.empty()) sentence += fmt::format(", in {}", function);
  if (!file.empty()) sentence += fmt::format(" ({}:{})", file, std::uint32_t{raw->line});
  // Breakpad writes the stream for handlers that know nothing, with everything empty.
  if (raw->type != 0 || !expression.empty() || !function.empty() || !file.empty())
    r.dump.assertion = r.take_text(std::move(sentence));
}

void read_linux_text(Reading& r, const Stream& stream) {
  // /proc/<pid>/cmdline and environ end each word with a NUL; the other files are text.
  std::string text(stream.bytes.clamp(0, kMostLinuxText).chars());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', stream.name == "LinuxCmdLine" ? ' ' : '\n');
  std::string key =
      lower(stream.name.substr(0, 5) == "Linux" ? stream.name.substr(5) : stream.name);
  r.dump.linux_texts[key] = r.take_text(utf8_from_ansi(text, kMostLinuxText));
}

} // namespace dumptriage::dump::mdmp
