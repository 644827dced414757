// A user minidump as a snapshot: one process, its threads, and the exception that ended it.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "arch/address.h"
#include "base/text.h"
#include "formats/mdmp.h"
#include "system/critical_sections.h"
#include "system/os_names.h"
#include "system/sources.h"
#include "system/wow64.h"

namespace dumptriage::system {
namespace {

using dump::Minidump;

// Exception codes that stand for "somebody asked for a dump": Breakpad on Linux
// (MD_EXCEPTION_CODE_LIN_DUMP_REQUESTED) and Crashpad's simulated exceptions on Windows and macOS.
constexpr std::uint32_t kLinuxDumpRequested = 0xFFFFFFFF;
constexpr std::uint32_t kWindowsSimulated = 0x0517A7ED;
constexpr std::uint32_t kMacSimulated = 0x43507378;
// Windows Error Reporting marks the dump of a hung application so.
constexpr std::uint32_t kApplicationHang = 0xCFFFFFFF;

OsPlatform platform_of(std::uint32_t platform_id) {
  switch (platform_id) {
  case formats::kPlatformNt: return OsPlatform::windows;
  case formats::kPlatformWin32s:
  case formats::kPlatformWindows: return OsPlatform::windows_9x;
  case formats::kPlatformMacOs: return OsPlatform::macos;
  case formats::kPlatformIos: return OsPlatform::ios;
  case formats::kPlatformLinux: return OsPlatform::linux;
  case formats::kPlatformAndroid: return OsPlatform::android;
  case formats::kPlatformSolaris: return OsPlatform::solaris;
  default: return OsPlatform::unknown;
  }
}

OsPlatform platform_of(const Minidump& minidump) {
  return minidump.system_info ? platform_of(minidump.system_info->platform_id)
                              : OsPlatform::unknown;
}

// Breakpad leaves the numbers zero on Linux and writes uname's text: "Linux 3.13.0-53-generic ...".
void numbers_from_uname(const std::string& text, OsNumbers& numbers) {
  constexpr std::string_view kPrefix = "Linux ";
  if (!text.starts_with(kPrefix)) return;
  std::uint32_t* parts[] = {&numbers.major, &numbers.minor, &numbers.build};
  const char* at = text.data() + kPrefix.size();
  const char* end = text.data() + text.size();
  for (std::uint32_t* part : parts) {
    auto [rest, error] = std::from_chars(at, end, *part);
    if (error != std::errc() || rest == end || *rest != '.') return;
    at = rest + 1;
  }
}

void service_pack(const dump::SystemInfo& info, Os& os) {
  auto by_text = info.csd_version_present ? service_pack_of(info.csd_version) : std::nullopt;
  auto by_build = service_pack_of_build(info.build);
  if (by_build) {
    os.service_pack = by_build;
    os.service_pack_from = "build number";
    os.service_pack_proved = true;
  } else if (by_text) {
    os.service_pack = by_text;
    os.service_pack_from = "SystemInfo stream, CSDVersion";
    os.service_pack_proved = true;
  }
}

Os os_of(const Minidump& minidump, arch::Machine machine) {
  Os os;
  if (!minidump.system_info) return os;
  const dump::SystemInfo& info = *minidump.system_info;
  OsNumbers numbers;
  numbers.platform = platform_of(info.platform_id);
  numbers.major = info.major;
  numbers.minor = info.minor;
  numbers.build = info.build;
  numbers.machine = machine;
  if (numbers.platform == OsPlatform::linux && info.major == 0)
    numbers_from_uname(info.csd_version, numbers);
  if (numbers.platform == OsPlatform::windows) {
    service_pack(info, os);
    if (info.product_type >= 1 && info.product_type <= 3) {
      os.product_type = info.product_type;
      os.suite_mask = info.suite_mask;
    }
    os.edition = os_edition(os.product_type, os.suite_mask);
  }
  numbers.product_type = os.product_type;
  numbers.suite_mask = os.suite_mask;
  numbers.service_pack = os.service_pack;
  os.name = os_name(numbers);
  if (numbers.platform == OsPlatform::windows && info.major == 0) os.name = "Windows NT";
  // A 32-bit process does not make a 32-bit system: WOW64.
  if (machine == arch::Machine::x86) numbers.machine = arch::Machine::unknown;
  os.family = os_family(numbers);
  os.major = numbers.major;
  os.minor = numbers.minor;
  os.build = numbers.build;
  if (info.processors != 0) os.processors = info.processors;
  return os;
}

// Breakpad's ARM64 context before Windows had one (minidump_cpu_arm64.h, MDRawContextARM64_Old):
// u64 flags, x0..x30 and sp, pc; registers by arm64.cpp's numbers.
std::optional<arch::Registers> decode_old_arm64(ByteView context) {
  constexpr int kIntegerRegisters = 32; // x0..x30, sp
  if (!context.holds(8, 8 * (kIntegerRegisters + 1))) return std::nullopt;
  arch::Registers registers;
  for (int i = 0; i <= kIntegerRegisters; ++i) // the last one is pc
    registers.set(i, *context.u64(8 + 8 * static_cast<std::uint64_t>(i)));
  return registers;
}

// Breakpad on macOS claims the CPU in ContextFlags but no register group, and fills control,
// integer and segment registers all the same (minidump_generator.cc).  A copy that claims them;
// empty when the flags are as they should be.
std::vector<std::byte> with_claimed_groups(ByteView context, arch::Machine machine) {
  std::size_t at = machine == arch::Machine::x64 ? 0x30 : 0;
  std::uint32_t bare = machine == arch::Machine::x64 ? 0x100000 : 0x10000;
  if (context.u32(at) != bare) return {};
  constexpr std::byte kControlIntegerSegments{7};
  std::vector<std::byte> copy(context.span().begin(), context.span().end());
  copy[at] |= kControlIntegerSegments;
  return copy;
}

// Turns raw contexts into registers and says once why it could not.
class ContextReader {
public:
  ContextReader(const dump::Dump& dump, Notes& notes)
      : notes_(notes), machine_(dump.machine), arch_(arch::find(dump.machine)) {
    const auto& info = dump.minidump->system_info;
    old_arm64_ = info && info->processor_architecture == formats::kProcessorArm64Old;
    apple_ = info && (info->platform_id == formats::kPlatformMacOs ||
                      info->platform_id == formats::kPlatformIos);
  }

  const arch::Arch* arch() const { return arch_; }

  std::optional<arch::Registers> read(ByteView context, const std::string& whose) {
    if (context.empty()) return std::nullopt;
    if (old_arm64_) return decode_old_arm64(context);
    if (arch_ == nullptr || arch_->decode_context == nullptr) {
      once(fmt::format("thread contexts: the register layout of this CPU ({}) is not known",
                       arch::name_of(machine_)));
      return std::nullopt;
    }
    std::vector<std::byte> claimed;
    if (apple_ && (machine_ == arch::Machine::x64 || machine_ == arch::Machine::x86))
      claimed = with_claimed_groups(context, machine_);
    auto registers =
        arch_->decode_context(claimed.empty() ? context : ByteView(claimed.data(), claimed.size()));
    if (registers) return *registers;
    if (++failed_ <= kMostNotes) {
      Note note = note_of(registers.error());
      note.message = fmt::format("{}: {}", whose, note.message);
      notes_.push_back(std::move(note));
    }
    return std::nullopt;
  }

private:
  static constexpr int kMostNotes = 8;
  void once(std::string message) {
    if (said_) return;
    said_ = true;
    add_note(notes_, Severity::warning, Code::unsupported, std::move(message));
  }

  Notes& notes_;
  arch::Machine machine_;
  const arch::Arch* arch_;
  bool old_arm64_ = false, apple_ = false, said_ = false;
  int failed_ = 0;
};

bool on_windows(const Minidump& minidump) { return platform_of(minidump) == OsPlatform::windows; }

StopKind stop_kind(const Minidump& minidump) {
  if (!minidump.exception) return StopKind::none;
  std::uint32_t code = minidump.exception->record.code;
  switch (platform_of(minidump)) {
  case OsPlatform::linux:
  case OsPlatform::android:
    // There is no signal 0.
    return code == kLinuxDumpRequested || code == 0 ? StopKind::none : StopKind::exception;
  case OsPlatform::macos:
  case OsPlatform::ios: return code == kMacSimulated ? StopKind::none : StopKind::exception;
  case OsPlatform::windows:
    if (code == kWindowsSimulated) return StopKind::none;
    return code == kApplicationHang ? StopKind::hang : StopKind::exception;
  default: return StopKind::exception;
  }
}

// Where a dump of this format records the exception, for people.
std::string exception_place(const dump::Dump& dump) {
  return dump.format == dump::Format::userdump ? "debug event" : "exception stream";
}

Stop stop_of(const dump::Dump& dump, ContextReader& contexts) {
  const Minidump& minidump = *dump.minidump;
  Stop stop;
  stop.kind = stop_kind(minidump);
  if (!minidump.exception) return stop;
  stop.code = minidump.exception->record.code;
  stop.parameters = minidump.exception->record.parameters;
  stop.exception = minidump.exception->record;
  stop.exception_from = exception_place(dump);
  if (stop.kind == StopKind::none) return stop; // a dump that was asked for: nothing is at fault
  stop.fault_context = contexts.read(minidump.exception->context, "Exception stream");
  // A user dump's debug event names the thread; the registers are those of the thread table.
  if (stop.fault_context)
    stop.fault_context_from =
        dump.format == dump::Format::userdump ? "thread list" : exception_place(dump);
  return stop;
}

// NT_TIB: StackBase and StackLimit are the second and third pointer of the TEB (winnt.h).
bool bounds_from_teb(const dump::Dump& dump, std::uint64_t teb, std::uint64_t sp,
                     ThreadState& state) {
  int size = arch::pointer_size_of(dump.machine);
  if (teb == 0 || !on_windows(*dump.minidump)) return false;
  auto base = dump.memory->pointer(teb + size, size);
  auto limit = dump.memory->pointer(teb + 2 * static_cast<std::uint64_t>(size), size);
  if (!base || !limit || *limit >= *base || sp < *limit || sp >= *base) return false;
  state.stack_low = *limit;
  state.stack_high = *base;
  return true;
}

void set_stack_bounds(const dump::Dump& dump, const dump::Thread* thread, const arch::Arch* arch,
                      ThreadState& state) {
  if (thread && thread->backing_store_size != 0)
    if (const auto end = checked_add(thread->backing_store_start, thread->backing_store_size)) {
      state.store_low = thread->backing_store_start;
      state.store_high = *end;
    }
  auto sp = arch && state.context ? arch::sp_of(*arch, *state.context) : std::nullopt;
  if (thread && sp && bounds_from_teb(dump, thread->teb, *sp, state)) return;
  std::uint64_t low = thread ? thread->stack_start : 0;
  auto high = checked_add(low, thread ? thread->stack_size : 0);
  // The recorded slice counts when it holds the stack pointer, or when nothing better is known.
  bool slice = low != 0 && high && *high > low;
  if (slice && (!sp || (*sp >= low && *sp < *high))) {
    state.stack_low = low;
    state.stack_high = *high;
    return;
  }
  if (!sp) return;
  if (auto range = dump.memory->range_around(*sp)) {
    state.stack_low = range->start;
    state.stack_high = range->end;
  }
}

std::vector<ThreadState> threads_of(const dump::Dump& dump, const Stop& stop,
                                    const std::string& process, ContextReader& contexts,
                                    Notes& notes) {
  const Minidump& minidump = *dump.minidump;
  const auto& exception = minidump.exception;
  std::vector<ThreadState> threads;
  auto add = [&](std::uint32_t id, const dump::Thread* thread) {
    ThreadState state;
    state.id = std::to_string(id);
    state.process = process;
    bool of_exception = exception && exception->thread_id == id;
    state.crashed = of_exception && stop.kind != StopKind::none;
    if (of_exception) {
      state.context = stop.kind != StopKind::none
                          ? stop.fault_context
                          : contexts.read(exception->context, "Exception stream");
      if (state.context)
        state.context_from =
            dump.format == dump::Format::userdump ? "thread list" : exception_place(dump);
    }
    if (thread) {
      state.name = thread->name;
      if (!state.context) {
        state.context = contexts.read(thread->context, fmt::format("thread {}", id));
        if (state.context) state.context_from = "thread list";
      }
    }
    set_stack_bounds(dump, thread, contexts.arch(), state);
    threads.push_back(std::move(state));
  };
  for (const dump::Thread& thread : minidump.threads) add(thread.id, &thread);
  bool listed = std::any_of(minidump.threads.begin(), minidump.threads.end(), [&](const auto& t) {
    return exception && t.id == exception->thread_id;
  });
  if (exception && !listed) {
    add_note(notes, Severity::warning, Code::mismatch,
             fmt::format("{}: its thread {} is not in the thread list",
                         dump.format == dump::Format::userdump ? "debug event" : "Exception stream",
                         exception->thread_id));
    add(exception->thread_id, nullptr);
  }
  return threads;
}

// First the thread that crashed; else the one that asked for the dump.
void order_threads(const Minidump& minidump, std::vector<ThreadState>& threads) {
  std::string first;
  if (minidump.exception)
    first = std::to_string(minidump.exception->thread_id);
  else if (minidump.requesting_thread_id)
    first = std::to_string(*minidump.requesting_thread_id);
  std::stable_partition(threads.begin(), threads.end(),
                        [&](const ThreadState& thread) { return thread.id == first; });
}

// "Pid:\t1234" of /proc/<pid>/status.
std::optional<std::uint64_t> linux_process_id(const Minidump& minidump) {
  auto status = minidump.linux_texts.find("procstatus");
  if (status == minidump.linux_texts.end()) return std::nullopt;
  std::size_t at = status->second.find("\nPid:");
  if (at == std::string::npos) return std::nullopt;
  at = status->second.find_first_not_of(" \t", at + 5);
  if (at == std::string::npos) return std::nullopt;
  std::uint64_t id = 0;
  const char* text = status->second.data();
  auto [rest, error] = std::from_chars(text + at, text + status->second.size(), id);
  return error == std::errc() ? std::optional(id) : std::nullopt;
}

// Writers list the program first; on Windows the name must agree.
std::string process_name(const Minidump& minidump) {
  auto is_program = [&](const dump::Module& module) {
    return !on_windows(minidump) || lower(module.name()).ends_with(".exe");
  };
  auto found = std::find_if(minidump.modules.begin(), minidump.modules.end(), is_program);
  return found == minidump.modules.end() ? std::string() : std::string(found->name());
}

// What a dump without these streams can never say.
void note_missing(const Minidump& minidump, Notes& notes) {
  constexpr std::pair<std::uint32_t, std::string_view> kNeeded[] = {
      {formats::SystemInfoStream, "operating system"},
      {formats::ThreadListStream, "threads"},
      {formats::ModuleListStream, "modules"}};
  for (const auto& [type, what] : kNeeded) {
    // Itanium's threads stand in the extended list alone.
    const std::uint32_t other =
        type == formats::ThreadListStream ? std::uint32_t{formats::ThreadExListStream} : type;
    bool listed =
        std::any_of(minidump.streams.begin(), minidump.streams.end(), [&](const auto& stream) {
          return stream.type == type || stream.type == other;
        });
    if (!listed)
      add_note(notes, Severity::warning, Code::absent,
               fmt::format("minidump: it holds no stream about its {}", what));
  }
}

} // namespace

Snapshot from_minidump(const dump::Dump& dump) {
  const Minidump& minidump = *dump.minidump;
  Snapshot snapshot;
  snapshot.machine = dump.machine;
  snapshot.memory = dump.memory;
  snapshot.os = os_of(minidump, dump.machine);
  snapshot.crash_time = iso_time_from_unix(minidump.time_date_stamp);
  if (minidump.misc.create_time && *minidump.misc.create_time != 0 &&
      *minidump.misc.create_time <= minidump.time_date_stamp)
    snapshot.uptime_seconds = minidump.time_date_stamp - *minidump.misc.create_time;
  snapshot.modules = minidump.modules;
  snapshot.modules_complete = minidump.modules_complete;
  snapshot.unloaded_modules = minidump.unloaded_modules;

  std::string name = process_name(minidump);
  std::optional<std::uint64_t> id = minidump.misc.process_id;
  if (!id) id = linux_process_id(minidump);
  if (id || !name.empty()) snapshot.processes.push_back({id.value_or(0), 0, name, std::nullopt});

  ContextReader contexts(dump, snapshot.notes);
  snapshot.stop = stop_of(dump, contexts);
  snapshot.threads = threads_of(dump, snapshot.stop, name, contexts, snapshot.notes);
  order_threads(minidump, snapshot.threads);
  if (on_windows(minidump)) {
    read_wow64(minidump, snapshot);
    read_critical_sections(snapshot);
  }
  if (dump.format == dump::Format::minidump) note_missing(minidump, snapshot.notes);
  return snapshot;
}

} // namespace dumptriage::system
