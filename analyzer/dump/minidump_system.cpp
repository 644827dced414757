// SystemInfo, MiscInfo, Exception and the comments.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/minidump_reading.h"

namespace dumptriage::dump::mdmp {
namespace {

using namespace formats;

constexpr std::size_t kMostComment = 64 << 10;

template <std::size_t N> std::string fixed_text(const std::array<le16, N>& units) {
  return utf16_text(ByteView(units.data(), sizeof(units)));
}

bool is_x86(std::uint16_t processor) { return processor == 0 || processor == 10; }

} // namespace

void read_system_info(Reading& r, const Stream& stream) {
  if (stream.bytes.size() < offsetof(MINIDUMP_SYSTEM_INFO, CSDVersionRva)) {
    r.note(Code::truncated, stream, fmt::format("only {} bytes", stream.bytes.size()),
           stream.offset);
    return;
  }
  auto raw = padded<MINIDUMP_SYSTEM_INFO>(stream.bytes);
  SystemInfo info;
  info.processor_architecture = raw.ProcessorArchitecture;
  info.processor_level = raw.ProcessorLevel;
  info.processor_revision = raw.ProcessorRevision;
  info.processors = raw.NumberOfProcessors;
  info.product_type = raw.ProductType;
  info.major = raw.MajorVersion;
  info.minor = raw.MinorVersion;
  info.build = raw.BuildNumber;
  info.platform_id = raw.PlatformId;
  info.suite_mask = raw.SuiteMask;
  if (auto csd = r.string(raw.CSDVersionRva)) {
    info.csd_version = *csd;
    info.csd_version_present = raw.CSDVersionRva != 0;
  } else {
    r.note(Code::truncated, stream, "its CSDVersion string lies outside the file",
           stream.offset + offsetof(MINIDUMP_SYSTEM_INFO, CSDVersionRva));
  }
  if (is_x86(info.processor_architecture))
    info.cpu_vendor = utf8_from_ansi(stream.bytes.clamp(kSystemInfoCpu, 12).c_string(0));
  r.machine = info.processor_architecture == kProcessorArm64Old
                  ? arch::Machine::arm64
                  : arch::machine_of_processor(info.processor_architecture);
  if (r.machine == arch::Machine::unknown)
    r.note(Code::unsupported, stream,
           fmt::format("processor architecture {} is not known", info.processor_architecture),
           stream.offset);
  r.dump.system_info = std::move(info);
}

void read_misc_info(Reading& r, const Stream& stream) {
  auto said = stream.bytes.u32(0);
  if (!said || stream.bytes.size() < 8) {
    r.note(Code::truncated, stream, fmt::format("only {} bytes", stream.bytes.size()),
           stream.offset);
    return;
  }
  ByteView bytes = stream.bytes.clamp(0, *said);
  auto raw = padded<MINIDUMP_MISC_INFO_4>(bytes);
  auto has = [&](std::uint32_t flag, std::size_t end) {
    return (raw.Flags1 & flag) != 0 && bytes.size() >= end;
  };
  MiscInfo& misc = r.dump.misc;
  if (has(kMisc1ProcessId, offsetof(MINIDUMP_MISC_INFO_4, ProcessCreateTime)))
    misc.process_id = raw.ProcessId;
  if (has(kMisc1ProcessTimes, offsetof(MINIDUMP_MISC_INFO_4, ProcessorMaxMhz))) {
    misc.create_time = raw.ProcessCreateTime;
    misc.user_seconds = raw.ProcessUserTime;
    misc.kernel_seconds = raw.ProcessKernelTime;
  }
  if (has(kMisc1ProcessorPowerInfo, offsetof(MINIDUMP_MISC_INFO_4, ProcessIntegrityLevel))) {
    misc.max_mhz = raw.ProcessorMaxMhz;
    misc.current_mhz = raw.ProcessorCurrentMhz;
  }
  if (has(kMisc3ProcessIntegrity, offsetof(MINIDUMP_MISC_INFO_4, ProcessExecuteFlags)))
    misc.integrity_level = raw.ProcessIntegrityLevel;
  if (has(kMisc3ProtectedProcess, offsetof(MINIDUMP_MISC_INFO_4, TimeZoneId)))
    misc.protected_process = raw.ProtectedProcess;
  if (has(kMisc3Timezone, offsetof(MINIDUMP_MISC_INFO_4, BuildString))) {
    // GetTimeZoneInformation: id 2 is daylight time; each state has its own bias on top.
    bool daylight = raw.TimeZoneId == 2;
    std::uint32_t bias = raw.TimeZone.Bias;
    if (daylight)
      bias += raw.TimeZone.DaylightBias;
    else if (raw.TimeZoneId == 1)
      bias += raw.TimeZone.StandardBias;
    misc.time_zone_bias = static_cast<std::int32_t>(bias);
    misc.time_zone = fixed_text(daylight ? raw.TimeZone.DaylightName : raw.TimeZone.StandardName);
  }
  if (has(kMisc4BuildString, sizeof(MINIDUMP_MISC_INFO_4))) {
    misc.build_string = fixed_text(raw.BuildString);
    misc.debug_build_string = fixed_text(raw.DbgBldStr);
  }
}

void read_exception(Reading& r, const Stream& stream) {
  constexpr std::size_t kLeast = offsetof(MINIDUMP_EXCEPTION_STREAM, ExceptionRecord) +
                                 offsetof(MINIDUMP_EXCEPTION, ExceptionInformation);
  if (stream.bytes.size() < kLeast) {
    r.note(Code::truncated, stream, fmt::format("only {} bytes", stream.bytes.size()),
           stream.offset);
    return;
  }
  auto raw = padded<MINIDUMP_EXCEPTION_STREAM>(stream.bytes);
  MinidumpException exception;
  exception.thread_id = raw.ThreadId;
  ExceptionRecord& record = exception.record;
  record.code = raw.ExceptionRecord.ExceptionCode;
  record.flags = raw.ExceptionRecord.ExceptionFlags;
  record.record = r.narrow(raw.ExceptionRecord.ExceptionRecord);
  record.address = r.narrow(raw.ExceptionRecord.ExceptionAddress);
  std::uint64_t parameters = raw.ExceptionRecord.NumberParameters;
  std::uint64_t held =
      std::min<std::uint64_t>((stream.bytes.size() - kLeast) / 8, kExceptionMaximumParameters);
  if (parameters > held) {
    r.note(Code::bad_value, stream,
           fmt::format("{} parameters, where {} fit; {} are read", parameters, held, held),
           stream.offset + kLeast);
    parameters = held;
  }
  for (std::size_t i = 0; i < parameters; ++i)
    record.parameters.push_back(r.narrow(raw.ExceptionRecord.ExceptionInformation[i]));
  if (stream.bytes.size() < sizeof(raw)) {
    r.note(Code::truncated, stream, "it ends before the thread context", stream.offset);
  } else if (auto context = r.at(raw.ThreadContext)) {
    exception.context = *context;
  } else {
    r.complete = false;
    r.note(Code::truncated, stream, "the thread context lies outside the file",
           raw.ThreadContext.Rva);
  }
  r.dump.exception = std::move(exception);
}

static void add_comment(Reading& r, const std::string& text) {
  if (text.empty() || text == r.dump.comment) return;
  if (!r.dump.comment.empty()) r.dump.comment += '\n';
  r.dump.comment += r.take_text(text);
}

void read_comment_a(Reading& r, const Stream& stream) {
  add_comment(r, utf8_from_ansi(stream.bytes.c_string(0, kMostComment), kMostComment));
}

void read_comment_w(Reading& r, const Stream& stream) {
  add_comment(r, utf16_text(stream.bytes, kMostComment));
}

} // namespace dumptriage::dump::mdmp
