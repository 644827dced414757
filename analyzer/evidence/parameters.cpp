#include "evidence/parameters.h"

#include <fmt/format.h>

#include "base/text.h"
#include "evidence/exceptions.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

using formats::ParameterRole;

struct Type {
  std::uint32_t code;
  int parameter; // from 1
  std::uint64_t value;
  std::string_view meaning;
};

constexpr Type kTypes[] = {
#define STOP_TYPE(code, parameter, value, meaning) {code, parameter, value, meaning},
#include "evidence/stop_types.def"
#undef STOP_TYPE
};

std::string_view type_of(std::uint32_t code, int parameter, std::uint64_t value) {
  // KERNEL_SECURITY_CHECK_FAILURE names its kinds as __fastfail does.
  if (code == 0x139 && parameter == 1) return fast_fail_meaning(value);
  for (const Type& row : kTypes) {
    if (row.code == code && row.parameter == parameter && row.value == value) return row.meaning;
  }
  return {};
}

// What parameter 4 of 0x50 selects is documented from Windows 10 on; before, it is reserved.
bool has_types(const system::Snapshot& snapshot, std::uint32_t code, std::size_t i) {
  return code != 0x50 || i != 3 || snapshot.os.build >= 10240;
}

std::string status_text(std::uint64_t value) {
  const auto code = static_cast<std::uint32_t>(value);
  const ExceptionText text = describe_exception_code(Platform::windows, code);
  if (text.name.empty()) return hex(code, 8);
  return fmt::format("{} ({})", text.name, text.meaning);
}

std::string irql_text(arch::Machine machine, std::uint64_t irql) {
  const std::string_view name = irql_name(machine, irql);
  return name.empty() ? fmt::format("{}", irql) : fmt::format("{} ({})", irql, name);
}

// What the value itself says under its role; empty when its number says all.
std::string decode(const Input& input, std::uint32_t code, ParameterRole role,
                   std::uint64_t value) {
  switch (role) {
  case ParameterRole::ip:
  case ParameterRole::code: return describe_code(input, native(input, value));
  case ParameterRole::irql: return irql_text(input.snapshot.machine, value);
  case ParameterRole::access: return std::string(access_of_bugcheck(code, value));
  case ParameterRole::exception:
  case ParameterRole::status: return status_text(value);
  case ParameterRole::srcline:
    return fmt::format("file {}, line {}", offset_text(value >> 16 & 0xFFFF), value & 0xFFFF);
  case ParameterRole::va:
    if (value != 0 && value < 0x10000) return "null + " + offset_text(value);
    return value == 0 ? "null" : describe_code(input, native(input, value));
  default: return {};
  }
}

std::string_view label_of(const formats::BugcheckInfo& info, std::size_t i) {
  if (info.roles[i] == ParameterRole::access) return "kind of access";
  return info.parameters[i];
}

std::string join(std::string_view label, std::string_view decoded) {
  if (label.empty()) return std::string(decoded);
  if (decoded.empty()) return std::string(label);
  return fmt::format("{}: {}", label, decoded);
}

// Parameters 3 and 4 of 0x1E are the exception's first two; they mean access and address for
// access violations only.
bool means_nothing_here(const system::Snapshot& snapshot, std::uint32_t code, std::size_t i) {
  if (code != 0x1E || i < 2) return false;
  const auto exception = exception_code(snapshot);
  return !exception || !is_memory_fault(Platform::windows, *exception);
}

std::vector<ParameterMeaning> plain(const std::vector<std::uint64_t>& values) {
  std::vector<ParameterMeaning> rows;
  for (std::uint64_t value : values) rows.push_back({value, ""});
  return rows;
}

void describe_memory_fault(const Input& input, std::vector<ParameterMeaning>& rows) {
  if (rows.empty()) return;
  rows[0].meaning = join("kind of access", access_of_exception(rows[0].value));
  if (rows.size() < 2) return;
  const std::uint64_t address = native(input, rows[1].value);
  std::string decoded = describe_code(input, address);
  if (address == 0)
    decoded = "null";
  else if (address < 0x10000)
    decoded = "null + " + offset_text(address);
  // x64 raises a general protection fault for addresses that are not canonical, and that fault
  // carries no address.
  if (input.snapshot.machine == arch::Machine::x64 && address == UINT64_MAX)
    decoded = "not reported by the processor";
  rows[1].meaning = join("address touched", decoded);
  if (rows.size() >= 3 && input.snapshot.stop.code == 0xC0000006)
    rows[2].meaning = join("why the page could not be read", status_text(rows[2].value));
}

} // namespace

std::string_view access_of_bugcheck(std::uint32_t normalized, std::uint64_t value) {
  switch (value) {
  case 0: return "read";
  case 1: return "write";
  case 8: return "execute";
  case 2:
    if (normalized == 0x50) return "write";   // Windows 10 and later
    if (normalized == 0xD1) return "execute"; // x86 and x64
    return "";
  case 0x10: return normalized == 0x50 ? "execute" : "";
  default: return "";
  }
}

std::optional<std::uint64_t> bugcheck_parameter(const system::Snapshot& snapshot,
                                                ParameterRole role) {
  const system::Stop& stop = snapshot.stop;
  if (stop.kind != system::StopKind::bugcheck) return std::nullopt;
  const formats::BugcheckInfo* info = formats::find_bugcheck(stop.code);
  for (std::size_t i = 0; info && i < 4 && i < stop.parameters.size(); ++i) {
    if (info->roles[i] == role) return stop.parameters[i];
  }
  return std::nullopt;
}

ParameterRole role_of_parameter(const system::Snapshot& snapshot, std::size_t index) {
  const formats::BugcheckInfo* info = formats::find_bugcheck(snapshot.stop.code);
  const std::uint32_t code = formats::normalized_bugcheck(snapshot.stop.code);
  if (!info || index >= info->roles.size() || means_nothing_here(snapshot, code, index))
    return ParameterRole::none;
  return info->roles[index];
}

std::string_view irql_name(arch::Machine machine, std::uint64_t irql) {
  switch (irql) {
  case 0: return "PASSIVE_LEVEL";
  case 1: return "APC_LEVEL";
  case 2: return "DISPATCH_LEVEL";
  default: break;
  }
  if (machine == arch::Machine::x86) {
    switch (irql) {
    case 27: return "PROFILE_LEVEL";
    case 28: return "CLOCK2_LEVEL";
    case 29: return "IPI_LEVEL";
    case 30: return "POWER_LEVEL";
    case 31: return "HIGH_LEVEL";
    default: return irql < 27 ? "a device's interrupt level" : "";
    }
  }
  if (machine == arch::Machine::x64 || machine == arch::Machine::arm64) {
    switch (irql) {
    case 13: return "CLOCK_LEVEL";
    case 14: return "IPI_LEVEL";
    case 15: return "HIGH_LEVEL";
    default: return irql < 12 ? "a device's interrupt level" : "";
    }
  }
  return "";
}

std::vector<ParameterMeaning> describe_bugcheck_parameters(const Input& input) {
  const system::Stop& stop = input.snapshot.stop;
  std::vector<ParameterMeaning> rows = plain(stop.parameters);
  const formats::BugcheckInfo* info = formats::find_bugcheck(stop.code);
  const std::uint32_t code = formats::normalized_bugcheck(stop.code);
  for (std::size_t i = 0; i < 4 && i < rows.size(); ++i) {
    if (means_nothing_here(input.snapshot, code, i)) {
      rows[i].meaning = fmt::format("the exception's parameter {}", i - 2);
      continue;
    }
    std::string decoded;
    if (has_types(input.snapshot, code, i))
      decoded = type_of(code, static_cast<int>(i) + 1, rows[i].value);
    if (decoded.empty() && info) decoded = decode(input, code, info->roles[i], rows[i].value);
    rows[i].meaning = join(info ? label_of(*info, i) : "", decoded);
  }
  return rows;
}

std::vector<ParameterMeaning> describe_exception_parameters(const Input& input) {
  const system::Stop& stop = input.snapshot.stop;
  if (!stop.exception) return {};
  std::vector<ParameterMeaning> rows = plain(stop.exception->parameters);
  if (rows.empty() || platform_of(input.snapshot) != Platform::windows) return rows;
  switch (stop.code) {
  case 0xC0000005:
  case 0xC0000006:
  case 0x80000001:
  case 0xC00000FD: describe_memory_fault(input, rows); break;
  case 0xC0000409: rows[0].meaning = join("fast fail code", fast_fail_name(rows[0].value)); break;
  case 0xE0434352: rows[0].meaning = "HRESULT of the .NET exception"; break;
  case 0xE06D7363:
    rows[0].meaning = "version of the C++ exception record";
    if (rows.size() > 1) rows[1].meaning = "the thrown object";
    if (rows.size() > 2) rows[2].meaning = "type information of the thrown object";
    if (rows.size() > 3)
      rows[3].meaning = join("image that threw", describe_code(input, rows[3].value));
    break;
  default: break;
  }
  return rows;
}

} // namespace dumptriage::evidence
