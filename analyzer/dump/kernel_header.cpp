#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/kernel_reading.h"
#include "formats/context_alpha.h"
#include "formats/context_arm64.h"
#include "formats/context_ia64.h"
#include "formats/context_x64.h"
#include "formats/context_x86.h"
#include "formats/dump_header32.h"
#include "formats/dump_header64.h"

namespace dumptriage::dump {
namespace {

constexpr std::uint64_t kFiller64 = 0x4547415045474150;

std::optional<std::uint32_t> present(std::uint32_t value) {
  if (value == formats::kDumpFiller) return std::nullopt;
  return value;
}
std::optional<std::uint64_t> present(std::uint64_t value) {
  if (value == kFiller64) return std::nullopt;
  return value;
}
std::optional<std::uint8_t> present_byte(std::uint8_t value, std::uint8_t filler) {
  if (value == filler) return std::nullopt;
  return value;
}
template <class T> T or_zero(T value) { return present(value).value_or(T{0}); }

// NT 4 and before: the header ends behind the exception record.
bool is_nt4(std::uint32_t build) { return build != 0 && build <= 1381; }

// 0 is no product type; headers of writers that do not know the field hold it or the filler.
std::optional<std::uint32_t> product_type_of(std::uint32_t value) {
  constexpr std::uint32_t kWorkstation = 1, kServer = 3;
  if (value < kWorkstation || value > kServer) return std::nullopt;
  return value;
}

// The header, with the filler in place of bytes that the file does not have.
template <class Header> Header header_of(ByteView file) {
  std::array<std::uint8_t, sizeof(Header)> bytes;
  ByteView there = file.clamp(0, sizeof(Header));
  if (!there.empty()) std::memcpy(bytes.data(), there.data(), there.size());
  for (std::size_t i = there.size(); i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(formats::kDumpFiller >> (8 * (i % 4)));
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(Header));
  return header;
}

std::string text_of(const std::uint8_t* bytes, std::size_t size) {
  ByteView view(bytes, size);
  std::string_view text = view.c_string(0);
  if (text.starts_with("PAGEPAGE")) return "";
  return utf8_from_ansi(text);
}

template <class Record> ExceptionRecord exception_of(const Record& wire) {
  ExceptionRecord record;
  std::uint32_t code = wire.ExceptionCode;
  if (!present(code)) return record;
  record.code = code;
  record.flags = or_zero<std::uint32_t>(wire.ExceptionFlags);
  record.record = wire.ExceptionRecord;
  record.address = wire.ExceptionAddress;
  std::uint32_t count = std::min<std::uint32_t>(wire.NumberParameters, 15);
  for (std::uint32_t i = 0; i < count; ++i)
    record.parameters.push_back(wire.ExceptionInformation[i]);
  return record;
}

// Full dumps lay their pages out by these runs, whatever else is wrong with the block; so runs are
// kept as they stand, and what is wrong is told.
template <class Word>
void read_runs(KernelHeader& out, std::uint32_t count, std::uint32_t most, const Word* words) {
  if (!present(count)) return;
  if (count > most) {
    out.physical_trouble = fmt::format("{} runs, there is room for {}", count, most);
    return;
  }
  auto trouble = [&](std::string text) {
    if (out.physical_trouble.empty()) out.physical_trouble = std::move(text);
  };
  std::uint64_t sum = 0, next = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    PhysicalRun run{words[2 * i], words[2 * i + 1]};
    auto end = checked_add(run.base_page, run.page_count);
    auto total = checked_add(sum, run.page_count);
    if (!end || !total)
      trouble(fmt::format("run {} leaves 64 bits", i));
    else if (run.base_page < next)
      trouble(fmt::format("run {} begins before the run in front of it ends", i));
    next = end.value_or(UINT64_MAX);
    sum = total.value_or(UINT64_MAX);
    out.physical_runs.push_back(run);
  }
  if (out.physical_pages && sum != *out.physical_pages)
    trouble(fmt::format("its runs add up to {} pages, it says {}", sum, *out.physical_pages));
}

// How many bytes of ContextRecord the CPU uses.  NT 4 on x86 ended it before ExtendedRegisters.
std::uint64_t context_size_of(std::uint32_t machine, std::uint32_t build, std::uint64_t most) {
  switch (machine) {
  case 0x14C: return is_nt4(build) ? formats::kContextX86Nt4Size : formats::kContextX86Size;
  case 0x8664: return formats::kContextX64Size;
  case 0xAA64: return formats::kContextArm64Size;
  case 0x200: return formats::kContextIa64Size;
  case 0x184:
  case 0x284: return formats::kContextAlphaSize;
  default: return most;
  }
}

// Nothing when nobody filled it in: zeros or the filler all through.
ByteView context_in(ByteView file, std::uint64_t offset, std::uint64_t size) {
  auto view = file.slice(offset, size);
  if (!view) return {};
  for (std::uint64_t i = 0; i + 4 <= size; i += 4) {
    std::uint32_t word = *view->u32(i);
    if (word != 0 && word != formats::kDumpFiller) return *view;
  }
  return {};
}

KernelHeader read_header64(ByteView file) {
  auto wire = header_of<formats::DumpHeader64>(file);
  KernelHeader out;
  out.is64 = true;
  out.major_version = or_zero<std::uint32_t>(wire.MajorVersion);
  out.build = or_zero<std::uint32_t>(wire.MinorVersion);
  out.directory_table_base = or_zero<std::uint64_t>(wire.DirectoryTableBase);
  out.pfn_database = or_zero<std::uint64_t>(wire.PfnDataBase);
  out.ps_loaded_module_list = or_zero<std::uint64_t>(wire.PsLoadedModuleList);
  out.ps_active_process_head = or_zero<std::uint64_t>(wire.PsActiveProcessHead);
  out.machine_image_type = or_zero<std::uint32_t>(wire.MachineImageType);
  out.processors = present(static_cast<std::uint32_t>(wire.NumberProcessors));
  out.bugcheck_code = or_zero<std::uint32_t>(wire.BugCheckCode);
  for (int i = 0; i < 4; ++i)
    out.bugcheck_parameters[i] = or_zero<std::uint64_t>(wire.BugCheckParameters[i]);
  out.version_user = text_of(wire.VersionUser, sizeof(wire.VersionUser));
  out.kd_debugger_data_block = or_zero<std::uint64_t>(wire.KdDebuggerDataBlock);
  out.physical_pages = present(static_cast<std::uint64_t>(wire.NumberOfPages));
  read_runs(out, wire.NumberOfRuns, formats::kDumpMaxRuns64, wire.Run);
  out.context =
      context_in(file, offsetof(formats::DumpHeader64, ContextRecord),
                 context_size_of(out.machine_image_type, out.build, sizeof(wire.ContextRecord)));
  out.exception = exception_of(wire.ExceptionRecord);
  out.dump_type = present(static_cast<std::uint32_t>(wire.DumpType));
  out.required_dump_space = present(static_cast<std::uint64_t>(wire.RequiredDumpSpace));
  out.system_time = present(static_cast<std::uint64_t>(wire.SystemTime));
  out.comment = text_of(wire.Comment, sizeof(wire.Comment));
  out.system_up_time = present(static_cast<std::uint64_t>(wire.SystemUpTime));
  out.mini_dump_fields = present(static_cast<std::uint32_t>(wire.MiniDumpFields));
  out.product_type = product_type_of(wire.ProductType);
  out.suite_mask = present(static_cast<std::uint32_t>(wire.SuiteMask));
  out.writer_status = present(static_cast<std::uint32_t>(wire.WriterStatus));
  out.attributes = present(static_cast<std::uint32_t>(wire.Attributes));
  out.boot_id = present(static_cast<std::uint32_t>(wire.BootId));
  out.secondary_data_state = present(static_cast<std::uint32_t>(wire.SecondaryDataState));
  out.kd_secondary_version = present_byte(wire.KdSecondaryVersion, 'A'); // of "PAGE"
  return out;
}

// What NT 4 does not have: its header ends behind the exception record.
void read_header32_tail(const formats::DumpHeader32& wire, KernelHeader& out) {
  out.kd_debugger_data_block = or_zero<std::uint32_t>(wire.KdDebuggerDataBlock);
  if (wire.PaeEnabled <= 1) out.pae_enabled = wire.PaeEnabled == 1;
  out.dump_type = present(static_cast<std::uint32_t>(wire.DumpType));
  out.required_dump_space = present(static_cast<std::uint64_t>(wire.RequiredDumpSpace));
  out.system_time = present(static_cast<std::uint64_t>(wire.SystemTime));
  out.comment = text_of(wire.Comment, sizeof(wire.Comment));
  out.system_up_time = present(static_cast<std::uint64_t>(wire.SystemUpTime));
  out.mini_dump_fields = present(static_cast<std::uint32_t>(wire.MiniDumpFields));
  out.product_type = product_type_of(wire.ProductType);
  out.suite_mask = present(static_cast<std::uint32_t>(wire.SuiteMask));
  out.writer_status = present(static_cast<std::uint32_t>(wire.WriterStatus));
  out.secondary_data_state = present(static_cast<std::uint32_t>(wire.SecondaryDataState));
  out.kd_secondary_version = present_byte(wire.KdSecondaryVersion, 'A'); // of "PAGE"
  // Vista and later; older writers left zeros or the filler in their place.
  if (out.build >= 6000) {
    out.attributes = present(static_cast<std::uint32_t>(wire.Attributes));
    out.boot_id = present(static_cast<std::uint32_t>(wire.BootId));
  }
}

KernelHeader read_header32(ByteView file) {
  auto wire = header_of<formats::DumpHeader32>(file);
  KernelHeader out;
  out.major_version = or_zero<std::uint32_t>(wire.MajorVersion);
  out.build = or_zero<std::uint32_t>(wire.MinorVersion);
  out.directory_table_base = or_zero<std::uint32_t>(wire.DirectoryTableBase);
  out.pfn_database = or_zero<std::uint32_t>(wire.PfnDataBase);
  out.ps_loaded_module_list = or_zero<std::uint32_t>(wire.PsLoadedModuleList);
  out.ps_active_process_head = or_zero<std::uint32_t>(wire.PsActiveProcessHead);
  out.machine_image_type = or_zero<std::uint32_t>(wire.MachineImageType);
  out.processors = present(static_cast<std::uint32_t>(wire.NumberProcessors));
  out.bugcheck_code = or_zero<std::uint32_t>(wire.BugCheckCode);
  for (int i = 0; i < 4; ++i)
    out.bugcheck_parameters[i] = or_zero<std::uint32_t>(wire.BugCheckParameters[i]);
  out.version_user = text_of(wire.VersionUser, sizeof(wire.VersionUser));
  if (auto pages = present(static_cast<std::uint32_t>(wire.NumberOfPages)))
    out.physical_pages = *pages;
  read_runs(out, wire.NumberOfRuns, formats::kDumpMaxRuns32, wire.Run);
  out.context =
      context_in(file, offsetof(formats::DumpHeader32, ContextRecord),
                 context_size_of(out.machine_image_type, out.build, sizeof(wire.ContextRecord)));
  out.exception = exception_of(wire.ExceptionRecord);
  if (!is_nt4(out.build)) read_header32_tail(wire, out);
  return out;
}

} // namespace

bool is_kernel_dump(ByteView file) {
  std::string_view magic = file.clamp(0, 8).chars();
  return magic == "PAGEDUMP" || magic == "PAGEDU64";
}

KernelHeader read_kernel_header(ByteView file) {
  bool is64 = file.u32(4) == formats::kDumpValid64;
  return is64 ? read_header64(file) : read_header32(file);
}

namespace {

// The flags of an Alpha CONTEXT stand at its end, those of an x86 one at its start.
arch::Machine machine_of_context32(ByteView context) {
  constexpr std::uint32_t kGroups = 0xFFFF; // besides the CPU's bit
  auto alpha = context.u32(offsetof(formats::ContextAlpha, ContextFlags)).value_or(0);
  auto x86 = context.u32(offsetof(formats::ContextX86, ContextFlags)).value_or(0);
  bool is_alpha = (alpha & ~kGroups) == formats::kContextAlpha && (alpha & kGroups) != 0;
  bool is_x86 = (x86 & ~kGroups) == formats::kContextX86 && (x86 & kGroups) != 0;
  if (is_alpha == is_x86) return arch::Machine::unknown;
  return is_alpha ? arch::Machine::alpha : arch::Machine::x86;
}

} // namespace

arch::Machine machine_of(const KernelHeader& header) {
  if (header.machine_image_type == 0 && !header.is64) return machine_of_context32(header.context);
  if (header.machine_image_type > 0xFFFF) return arch::Machine::unknown;
  return arch::machine_of_image_file(static_cast<std::uint16_t>(header.machine_image_type));
}

} // namespace dumptriage::dump
