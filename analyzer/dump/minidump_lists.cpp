// Threads and modules: the lists of things that were there.
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/minidump_reading.h"
#include "formats/codeview.h"

namespace dumptriage::dump::mdmp {
namespace {

using namespace formats;

constexpr std::uint64_t kMostThreads = 1 << 14;
constexpr std::uint64_t kMostModules = 1 << 14;

Thread thread_of(Reading& r, const MINIDUMP_THREAD& raw, std::uint64_t offset, Tally& lost) {
  Thread thread;
  thread.id = raw.ThreadId;
  thread.suspend_count = raw.SuspendCount;
  thread.priority_class = raw.PriorityClass;
  thread.priority = raw.Priority;
  thread.teb = r.narrow(raw.Teb);
  thread.stack_start = r.narrow(raw.Stack.StartOfMemoryRange);
  thread.stack_size = raw.Stack.Memory.DataSize;
  if (auto context = r.at(raw.ThreadContext))
    thread.context = *context;
  else
    lost.add(offset);
  return thread;
}

void note_lost_contexts(Reading& r, const Stream& stream, const Tally& lost) {
  if (lost.count != 0) r.complete = false;
  r.note(lost, Code::truncated, stream, "thread contexts lie outside the file");
}

std::optional<FileVersion> version_of(const VS_FIXEDFILEINFO& raw) {
  if (raw.dwSignature != kVsFixedFileInfoSignature) return std::nullopt;
  std::uint32_t high = raw.dwFileVersionMS, low = raw.dwFileVersionLS;
  FileVersion version;
  version.part = {static_cast<std::uint16_t>(high >> 16), static_cast<std::uint16_t>(high),
                  static_cast<std::uint16_t>(low >> 16), static_cast<std::uint16_t>(low)};
  return version;
}

// The name in an IMAGE_DEBUG_MISC record: the .DBG file.
std::string misc_name(ByteView record) {
  auto misc = record.get<IMAGE_DEBUG_MISC>(0);
  if (!misc || misc->DataType != kImageDebugMiscExeName) return {};
  ByteView data = record.clamp(sizeof(*misc), 1024);
  return misc->Unicode != 0 ? utf16_text(data) : utf8_from_ansi(data.c_string(0));
}

Module module_of(Reading& r, const MINIDUMP_MODULE& raw, std::uint64_t offset, Tally& lost) {
  Module module;
  module.base = r.narrow(raw.BaseOfImage);
  module.size = raw.SizeOfImage;
  module.timestamp = raw.TimeDateStamp;
  module.checksum = raw.CheckSum;
  module.version = version_of(raw.VersionInfo);
  if (auto name = r.string(raw.ModuleNameRva))
    module.path = *name;
  else
    lost.add(offset);
  if (auto record = r.at(raw.CvRecord)) {
    module.debug = read_codeview(*record);
    module.debug.file = r.take_text(std::move(module.debug.file));
  } else {
    lost.add(offset);
  }
  if (auto record = r.at(raw.MiscRecord))
    module.dbg_file = r.take_text(misc_name(*record));
  else
    lost.add(offset);
  return module;
}

} // namespace

void read_threads(Reading& r, const Stream& stream) {
  auto list = r.counted_list(stream, sizeof(MINIDUMP_THREAD), kMostThreads);
  if (!list) return;
  Tally lost;
  for (std::uint64_t i = 0; i < list->count; ++i)
    r.dump.threads.push_back(
        thread_of(r, *list->entry<MINIDUMP_THREAD>(i), list->offset_of(i), lost));
  note_lost_contexts(r, stream, lost);
}

void read_threads_ex(Reading& r, const Stream& stream) {
  auto list = r.counted_list(stream, sizeof(MINIDUMP_THREAD_EX), kMostThreads);
  if (!list) return;
  std::unordered_map<std::uint32_t, std::size_t> known;
  for (std::size_t i = 0; i < r.dump.threads.size(); ++i) known.emplace(r.dump.threads[i].id, i);
  Tally lost;
  for (std::uint64_t i = 0; i < list->count; ++i) {
    auto raw = *list->entry<MINIDUMP_THREAD_EX>(i);
    auto found = known.find(raw.Thread.ThreadId);
    if (found == known.end())
      r.dump.threads.push_back(thread_of(r, raw.Thread, list->offset_of(i), lost));
    Thread& thread = found == known.end() ? r.dump.threads.back() : r.dump.threads[found->second];
    thread.backing_store_start = raw.BackingStore.StartOfMemoryRange;
    thread.backing_store_size = raw.BackingStore.Memory.DataSize;
  }
  note_lost_contexts(r, stream, lost);
}

void read_modules(Reading& r, const Stream& stream) {
  auto list = r.counted_list(stream, sizeof(MINIDUMP_MODULE), kMostModules);
  if (!list) return;
  Tally lost;
  for (std::uint64_t i = 0; i < list->count; ++i)
    r.dump.modules.push_back(
        module_of(r, *list->entry<MINIDUMP_MODULE>(i), list->offset_of(i), lost));
  if (lost.count != 0) r.complete = false;
  r.dump.modules_complete = lost.count == 0 && list->count == stream.bytes.u32(0);
  r.note(lost, Code::truncated, stream, "names or debug records lie outside the file");
}

void read_unloaded_modules(Reading& r, const Stream& stream) {
  auto head = stream.bytes.get<MINIDUMP_UNLOADED_MODULE_LIST>(0);
  if (!head) return r.note(Code::truncated, stream, "no room for its header", stream.offset);
  auto list = r.sized_list(stream, head->SizeOfHeader, sizeof(*head), head->SizeOfEntry,
                           sizeof(MINIDUMP_UNLOADED_MODULE), head->NumberOfEntries, kMostModules);
  if (!list) return;
  Tally lost;
  for (std::uint64_t i = 0; i < list->count; ++i) {
    auto raw = *list->entry<MINIDUMP_UNLOADED_MODULE>(i);
    UnloadedModule module;
    module.base = r.narrow(raw.BaseOfImage);
    module.size = raw.SizeOfImage;
    module.timestamp = raw.TimeDateStamp;
    module.checksum = raw.CheckSum;
    if (auto name = r.string(raw.ModuleNameRva))
      module.name = *name;
    else
      lost.add(list->offset_of(i));
    r.dump.unloaded_modules.push_back(std::move(module));
  }
  r.note(lost, Code::truncated, stream, "names lie outside the file");
}

void read_thread_infos(Reading& r, const Stream& stream) {
  auto head = stream.bytes.get<MINIDUMP_THREAD_INFO_LIST>(0);
  if (!head) return r.note(Code::truncated, stream, "no room for its header", stream.offset);
  auto list = r.sized_list(stream, head->SizeOfHeader, sizeof(*head), head->SizeOfEntry,
                           sizeof(MINIDUMP_THREAD_INFO), head->NumberOfEntries, kMostThreads);
  if (!list) return;
  std::unordered_map<std::uint32_t, MINIDUMP_THREAD_INFO> infos;
  for (std::uint64_t i = 0; i < list->count; ++i) {
    auto raw = *list->entry<MINIDUMP_THREAD_INFO>(i);
    infos.emplace(raw.ThreadId, raw);
  }
  for (Thread& thread : r.dump.threads) {
    auto info = infos.find(thread.id);
    if (info == infos.end()) continue;
    thread.create_time = info->second.CreateTime;
    thread.exit_time = info->second.ExitTime;
    thread.kernel_time = info->second.KernelTime;
    thread.user_time = info->second.UserTime;
    thread.start_address = r.narrow(info->second.StartAddress);
  }
}

void read_thread_names(Reading& r, const Stream& stream) {
  auto list = r.counted_list(stream, sizeof(MINIDUMP_THREAD_NAME), kMostThreads);
  if (!list) return;
  std::unordered_map<std::uint32_t, std::uint64_t> rvas;
  for (std::uint64_t i = 0; i < list->count; ++i) {
    auto raw = *list->entry<MINIDUMP_THREAD_NAME>(i);
    rvas.emplace(raw.ThreadId, raw.RvaOfThreadName);
  }
  Tally lost;
  for (Thread& thread : r.dump.threads) {
    auto rva = rvas.find(thread.id);
    if (rva == rvas.end()) continue;
    if (auto name = r.string(rva->second))
      thread.name = *name;
    else
      lost.add(stream.offset);
  }
  r.note(lost, Code::truncated, stream, "names lie outside the file");
}

} // namespace dumptriage::dump::mdmp
